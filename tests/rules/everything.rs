//! Every command of the server (`tests/policy/calls.txt` has a call of each) under rules that hold for all keys: what
//! may not be written is not, and what must not live for ever does not, whichever command it was.

use crate::harness::{Client, Redis, SidecarOptions, eventually};

const CALLS: &str = include_str!("../policy/calls.txt");

fn calls() -> impl Iterator<Item = Vec<String>> {
    let lines = CALLS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| {
        let line = line.strip_prefix("~ ").or(line.strip_prefix("? ")).unwrap_or(line);
        let word = |word: &str| match word {
            "''" => String::new(),
            word => word.replace('%', " ").replace("\\n", "\n"),
        };
        line.split(' ').map(word).collect()
    })
}

/// A Redis that holds what those calls make.
fn filled() -> Redis {
    let redis = Redis::start();
    let mut client = redis.direct();
    for words in calls().filter(|words| !words[0].starts_with("FLUSH") && words[0] != "DEL") {
        client.call(&words);
    }
    let keys = client.call(&["DBSIZE"]).int();
    assert!(keys > 20, "too few to show anything: {keys}");
    redis
}

#[test]
fn nothing_changes_a_key_that_may_only_be_read() {
    for config in
        ["default_access: read_only", "default_access: none", "commands: {profile: read_only}"]
    {
        let redis = filled();
        let sidecar = SidecarOptions::upstream(&redis).config(config).start();
        let (mut app, mut free) = (sidecar.client(), redis.direct());
        // deadlines pass by themselves
        free.call(&[
            "EVAL",
            "for _, k in ipairs(redis.call('KEYS', '*')) do redis.call('PERSIST', k) end",
            "0",
        ]);
        let mut digest = || free.call(&["DEBUG", "DIGEST"]).text();
        let before = digest();
        for words in calls() {
            let reply = app.call(&words);
            assert_eq!(digest(), before, "{config}: {words:?} said {reply:?}");
        }
    }
}

/// Keys without a deadline, and those with one that is too late.
fn immortal(client: &mut Client) -> String {
    let script = "local found = {} for _, k in ipairs(redis.call('KEYS', '*')) do local t = \
        redis.call('PTTL', k) if t == -1 or t > 1000000 then found[#found + 1] = k end end return \
        table.concat(found, ' ')";
    client.call(&["EVAL", script, "0"]).text()
}

#[test]
fn no_command_makes_a_key_that_lives_for_ever() {
    let redis = Redis::start();
    let config = "rules: [{match: '*', ttl: {default: 100s, max: 1000s}}]";
    let sidecar = SidecarOptions::upstream(&redis).config(config).start();
    let (mut app, mut free) = (sidecar.client(), redis.direct());
    let mut most = 0;
    for words in calls() {
        app.call(&words);
        most = most.max(free.call(&["DBSIZE"]).int());
        let what = format!("{words:?} is followed by a deadline");
        eventually(&what, || immortal(&mut free).is_empty());
    }
    assert!(most > 20, "too few keys to show anything: {most}");
}
