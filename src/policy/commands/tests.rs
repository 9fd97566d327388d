//! What may be run under which words, for every command of the table.

use super::Commands;
use crate::command;
use crate::config::{self, KeysCommand, Profile};
use crate::policy::refusal::Refusal;
use crate::wire::decode::Request;
use crate::wire::encode;

fn config(profile: Profile, deny: &[&str], allow: &[&str]) -> config::Commands {
    let own = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
    config::Commands {
        profile,
        deny: own(deny),
        allow: own(allow),
        allow_unknown: Vec::new(),
        keys: KeysCommand::Auto,
        dry_run: false,
    }
}

fn commands(profile: Profile, deny: &[&str], allow: &[&str]) -> Commands {
    Commands::new(&config(profile, deny, allow), "default", false)
}

fn judge(commands: &Commands, line: &str) -> Result<(), Refusal> {
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    let mut frame = Vec::new();
    encode::command(&mut frame, &words);
    let request = Request::parse(&frame).unwrap();
    commands.judge(command::find(request.name()), &request, false)
}

/// The rule that refuses; empty for none.
fn rule(commands: &Commands, line: &str) -> String {
    judge(commands, line).err().map_or(String::new(), |refusal| refusal.rule.into_owned())
}

#[test]
fn with_nothing_said_nothing_is_refused() {
    let open = commands(Profile::Open, &[], &[]);
    assert!(open.is_open() && open.labels().is_empty() && !open.scans_keys());
    for spec in command::all() {
        let line =
            spec.subcommands.first().map_or(spec.name.to_owned(), |sub| sub.name.replace('|', " "));
        assert_eq!(judge(&open, &line), Ok(()), "{line}");
    }
    assert_eq!(judge(&open, "FT.SEARCH i q"), Ok(()));
}

#[test]
fn the_more_exact_word_counts_and_of_two_alike_the_denial() {
    let some = commands(
        Profile::App,
        &["config", "@hash", "get", "@write"],
        &["config|get", "hget", "@string", "get", "flushall"],
    );
    for (line, expected) in [
        ("CONFIG SET a b", "commands.deny"),
        ("config get a", ""),
        ("CONFIG RESETSTAT", "commands.deny"),
        ("CONFIG NEW-ONE", "commands.deny"),
        ("HGET h f", ""),
        ("HGETALL h", "commands.deny"),
        ("GET k", "commands.deny"),
        ("SET k v", "commands.deny"),
        ("STRLEN k", ""),
        ("FLUSHALL", ""),
        ("FLUSHDB", "commands.deny"),
        ("DEBUG SLEEP 1", "profile.app"),
        ("LRANGE l 0 1", ""),
    ] {
        assert_eq!(rule(&some, line), expected, "{line}");
    }
    assert_eq!(some.labels(), ["commands.deny", "commands.keys", "profile.app"]);
    let text = judge(&some, "Config set a b").unwrap_err().text;
    assert_eq!(
        text,
        "NOPERM User default has no permissions to run the 'config|set' command (commands.deny)"
    );
}

#[test]
fn a_list_of_all_that_may_be_run_lets_connections_begin_and_end() {
    let few = commands(Profile::Open, &["@all"], &["get", "set", "@connection", "client|setname"]);
    for line in ["GET k", "SET k v", "AUTH p", "HELLO 3", "QUIT", "RESET", "PING", "CLIENT ID"] {
        assert_eq!(judge(&few, line), Ok(()), "{line}");
    }
    for line in ["DEL k", "MULTI", "EVAL x 0", "JSON.GET k", "KEYS *"] {
        assert_eq!(rule(&few, line), "commands.deny", "{line}");
    }
}

const DANGEROUS: &str = "FLUSHALL,FLUSHDB ASYNC,CONFIG GET maxmemory,CONFIG SET a b,CONFIG REWRITE,DEBUG SLEEP 1,\
    SHUTDOWN,REPLICAOF a 1,SLAVEOF a 1,MONITOR,SAVE,BGSAVE,BGREWRITEAOF,ACL SETUSER a,ACL LIST,CLIENT KILL ID 1,\
    CLIENT PAUSE 9,CLIENT UNBLOCK 1,CLUSTER RESET,FAILOVER,MIGRATE h 1 k 0 1,MODULE LOAD x,PSYNC a 1,SYNC,\
    SWAPDB 0 1,SLOWLOG GET,LATENCY RESET,RESTORE k 0 x,SIDECAR HOTKEYS,CONFIG NO-SUCH-THING,REPLCONF a b,\
    PFSELFTEST,LASTSAVE";

const NEEDED: &str = "INFO,COMMAND,COMMAND DOCS,ROLE,SORT l,SORT_RO l,CLIENT LIST,CLIENT SETNAME n,\
    CLIENT SETINFO LIB-NAME x,CLIENT TRACKING ON,CLIENT NO-EVICT on,CLIENT NO-SUCH-THING,CLIENT REPLY ON,SCAN 0,EVALSHA x 0,\
    SCRIPT LOAD x,FUNCTION LOAD x,OBJECT ENCODING k,WAIT 0 0,DBSIZE,XGROUP CREATE s g $,PUBLISH c m,\
    CLUSTER SLOTS,ACL WHOAMI,SELECT 1,SIDECAR HEALTH,TIME,MEMORY USAGE k,FT.SEARCH i q,KEYS *";

#[test]
fn an_app_is_kept_from_what_is_dangerous_and_from_nothing_that_libraries_use() {
    let app = commands(Profile::App, &[], &[]);
    for line in DANGEROUS.split(',') {
        assert_eq!(rule(&app, line), "profile.app", "{line}");
    }
    for line in NEEDED.split(',') {
        assert_eq!(judge(&app, line), Ok(()), "{line}");
    }
    assert!(app.scans_keys());
}

#[test]
fn who_only_reads_runs_nothing_that_writes() {
    let reader = commands(Profile::ReadOnly, &[], &[]);
    for spec in command::all().flat_map(|spec| std::iter::once(spec).chain(spec.subcommands)) {
        let is_container = spec.is_container();
        let writes = spec.is_write() || spec.keys.iter().any(|key| key.access.writes());
        let line = spec.name.replace('|', " ");
        let passes = judge(&reader, &line).is_ok();
        if !is_container && writes && !spec.is_readonly() {
            assert!(!passes, "{line} writes");
        }
        let dangerous = command::Categories::DANGEROUS;
        if spec.is_readonly() && !spec.categories.contains(dangerous) {
            assert!(passes, "{line} reads");
        }
    }
    for line in
        ["EVAL x 0", "FCALL f 0", "JSON.GET k", "SORT l", "GETEX k", "FUNCTION FLUSH", "XREADGROUP"]
    {
        assert_eq!(rule(&reader, line), "profile.read_only", "{line}");
    }
    for line in [
        "EVAL_RO x 0",
        "SUBSCRIBE c",
        "MULTI",
        "EXEC",
        "WATCH k",
        "PING",
        "PUBLISH c m",
        "INFO",
        "SORT_RO l",
    ] {
        assert_eq!(judge(&reader, line), Ok(()), "{line}");
    }
}

#[test]
fn keys_pass_or_become_rounds_or_are_refused() {
    let with = |keys| {
        Commands::new(&config::Commands { keys, ..config(Profile::App, &[], &[]) }, "a", false)
    };
    assert!(!with(KeysCommand::Pass).scans_keys());
    assert_eq!(rule(&with(KeysCommand::Deny), "keys a*"), "commands.keys");
    let scan = with(KeysCommand::Scan);
    let mut frame = Vec::new();
    encode::command(&mut frame, &[b"KEYS", b"*"]);
    let request = Request::parse(&frame).unwrap();
    let found = command::find(b"KEYS");
    assert_eq!(scan.judge(found, &request, false), Ok(()));
    let refusal = scan.judge(found, &request, true).unwrap_err();
    assert!(refusal.text.starts_with("DENIED KEYS is answered by rounds of SCAN"), "{refusal:?}");
}

#[test]
fn what_the_table_does_not_know_passes_only_by_name_where_keys_are_restricted() {
    let mut config = config(Profile::Open, &["ft.dropindex"], &[]);
    config.allow_unknown = vec!["ft.search".to_owned()];
    config.dry_run = true;
    let loose = Commands::new(&config, "a", false);
    assert!(judge(&loose, "FT.DROPINDEX i").unwrap_err().is_dry_run);
    assert_eq!(judge(&loose, "BF.ADD k v"), Ok(()));
    let strict = Commands::new(&config, "a", true);
    assert_eq!(judge(&strict, "FT.Search i q"), Ok(()));
    let refusal = judge(&strict, "BF.ADD k v").unwrap_err();
    assert_eq!(refusal.rule, "commands.allow_unknown");
    assert!(!refusal.is_dry_run, "it could get around the rest");
    assert!(refusal.text.contains("'bf.add'"), "{refusal:?}");
}
