//! The libraries that apps use, unmodified, at an app's work (tests/clients): through TLS, in memory, and
//! across outages after which the work must go on by itself. Each script keeps a book of what its writes
//! were answered, and fails where the data is not what the book allows.

mod snippets;

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use crate::harness::{Redis, RedisOptions, Script, Sidecar, SidecarOptions, Value};

/// A script, and the scenarios that it plays.
struct Library {
    script: &'static str,
    scenarios: &'static [&'static str],
    /// those that `memory://` can't serve, since they need scripts
    not_in_memory: &'static [&'static str],
}

/// What an app does with a library that speaks all of Redis.
const WORK: [&str; 12] = [
    "sessions",
    "profiles",
    "favourites",
    "payments",
    "bet_slips",
    "usage",
    "leaderboard",
    "tagged_cache",
    "drop_by_prefix",
    "pub_sub",
    "reliable_queue",
    "plain_queue",
];
const JOBS: [&str; 4] = ["delays", "priorities", "retries", "stream"];
const LOGINS: [&str; 2] = ["logins_over_ioredis", "logins_over_node_redis"];

const IOREDIS: Library =
    Library { script: "ioredis/main.js", scenarios: &WORK, not_in_memory: &[] };
const NODE_REDIS: Library =
    Library { script: "node-redis/main.js", scenarios: &WORK, not_in_memory: &[] };
const REDIS_PY: Library =
    Library { script: "redis-py/main.py", scenarios: &WORK, not_in_memory: &[] };
const BULLMQ: Library =
    Library { script: "bullmq/main.js", scenarios: &JOBS, not_in_memory: &JOBS };
const RATE_LIMITER: Library =
    Library { script: "rate-limiter-flexible/main.js", scenarios: &LOGINS, not_in_memory: &LOGINS };

/// Python's queue of tasks, with a worker of its own.
const CELERY: Library =
    Library { script: "celery/main.py", scenarios: &["tasks"], not_in_memory: &["tasks"] };
/// Ruby's queue of jobs, with a process of its own.
const SIDEKIQ: Library =
    Library { script: "sidekiq/main.rb", scenarios: &["jobs"], not_in_memory: &[] };

/// How long the upstream is away.
const OUTAGE: Duration = Duration::from_secs(2);

/// What became of one scenario.
#[derive(Debug)]
struct Outcome {
    has_passed: bool,
    /// counts by name: acknowledged, uncertain, aborted, refused, interrupted
    counts: BTreeMap<String, u64>,
    /// why it failed
    error: String,
}

struct Report {
    outcomes: BTreeMap<String, Outcome>,
    output: String,
}

impl Library {
    /// Plays all scenarios. `outage` is called when each is half through.
    fn play(&self, sidecar: &Sidecar, outage: Option<impl FnOnce()>) -> Report {
        let mut script = Script::start(self.script, sidecar, outage.is_some());
        if let Some(outage) = outage {
            script.wait_for("outage please");
            outage();
            script.end_outage();
        }
        script.wait_for("done");
        let mut report = Report::read(script.output());
        report.output.extend(["\nthe sidecar's log:\n", &sidecar.log()]);
        assert!(!sidecar.log_contains("panicked"), "{}", report.output);
        let played: Vec<&str> = report.outcomes.keys().map(String::as_str).collect();
        let mut known = self.scenarios.to_vec();
        known.sort_unstable();
        assert_eq!(played, known, "{}", report.output);
        report
    }

    fn play_through(&self, sidecar: &Sidecar) -> Report {
        self.play(sidecar, None::<fn()>)
    }

    /// Redis dies, with `grace` for those who wait, and comes back with what it had acknowledged.
    fn play_across_outage(&self, grace: &str) -> Report {
        let mut redis = Redis::start_with(durable());
        let sidecar = SidecarOptions::upstream(&redis)
            .config(&format!("breaker:\n  grace: {grace}\n"))
            .start();
        let report = self.play(
            &sidecar,
            Some(|| {
                redis.kill();
                // the length of the outage, which is what this is about
                thread::sleep(OUTAGE);
                redis.restart();
            }),
        );
        sidecar.wait_for_log(&["connection lost"]);
        report
    }
}

impl Report {
    fn read(output: String) -> Self {
        Self { outcomes: output.lines().filter_map(read_outcome).collect(), output }
    }

    fn expect_all_passed(&self) {
        assert!(self.outcomes.values().all(|outcome| outcome.has_passed), "{}", self.output);
    }

    /// The sum over all scenarios.
    fn count(&self, kind: &str) -> u64 {
        self.outcomes.values().map(|outcome| outcome.counts[kind]).sum()
    }

    /// The work went on by itself, and nobody was told of an outage but those with a write or a
    /// transaction under way.
    fn expect_short_outage(&self) {
        self.expect_all_passed();
        assert_eq!(self.count("refused"), 0, "{}", self.output);
    }

    /// Commands were refused while the upstream was away, and then the work went on by itself.
    fn expect_long_outage(&self) {
        self.expect_all_passed();
        assert!(self.count("refused") > 0, "{}", self.output);
    }

    /// The types of `memory://` serve all but what needs scripts; that it does not serve, it says.
    fn expect_in_memory(&self, library: &Library) {
        for (name, outcome) in &self.outcomes {
            let is_served = !library.not_in_memory.contains(&name.as_str());
            assert_eq!(outcome.has_passed, is_served, "{name}: {}", self.output);
            let says_why = outcome.error.contains("memory://");
            assert!(is_served || says_why, "{name}: {}", outcome.error);
        }
    }
}

/// A scenario's name and outcome from its line: the verdict, the name, five counts, an error.
fn read_outcome(line: &str) -> Option<(String, Outcome)> {
    let (verdict, rest) = line.split_once(' ')?;
    let has_passed = verdict == "passed";
    if !has_passed && verdict != "failed" {
        return None;
    }
    let mut words = rest.splitn(7, ' ');
    let name = words.next()?.to_owned();
    let counts = words.by_ref().take(5).filter_map(|word| word.split_once('='));
    let counts = counts.map(|(kind, count)| (kind.to_owned(), count.parse().unwrap())).collect();
    Some((name, Outcome { has_passed, counts, error: words.next().unwrap_or_default().to_owned() }))
}

/// A Redis that has written to its file what it acknowledges, so that a kill loses none of it.
fn durable() -> RedisOptions {
    let lines = ["appendonly yes", "appendfsync no"].map(str::to_owned).to_vec();
    RedisOptions { lines, ..RedisOptions::default() }
}

fn through_tls(library: &Library) {
    let redis = Redis::start();
    library.play_through(&Sidecar::start(&redis)).expect_all_passed();
}

/// The same, and nothing is left but within the namespace. BullMQ is not among these: its scripts make names of
/// keys themselves (docs/policy.md).
fn within_a_namespace(library: &Library) {
    let redis = Redis::start();
    let sidecar = SidecarOptions::upstream(&redis).config("namespace: 'app:'").start();
    library.play_through(&sidecar).expect_all_passed();
    let keys = redis.direct().call(&["KEYS", "*"]);
    let outside: Vec<String> = keys.items().iter().map(Value::text).collect();
    assert!(outside.iter().all(|key| key.starts_with("app:")), "{outside:?}");
}

fn in_memory(library: &Library) {
    let sidecar = SidecarOptions::default().start();
    library.play_through(&sidecar).expect_in_memory(library);
}

#[test]
fn ioredis_through_tls() {
    through_tls(&IOREDIS);
}

#[test]
fn node_redis_through_tls() {
    through_tls(&NODE_REDIS);
}

#[test]
fn redis_py_through_tls() {
    through_tls(&REDIS_PY);
}

#[test]
fn bullmq_through_tls() {
    through_tls(&BULLMQ);
}

#[test]
fn rate_limiter_flexible_through_tls() {
    through_tls(&RATE_LIMITER);
}

/// What a platform team denies to apps is nothing that libraries need.
#[test]
fn libraries_work_under_the_profile_for_apps() {
    for library in [&IOREDIS, &NODE_REDIS, &REDIS_PY, &BULLMQ, &RATE_LIMITER] {
        let redis = Redis::start();
        let config = "{audit: on, commands: {profile: app}}";
        let sidecar = SidecarOptions::upstream(&redis).config(config).start();
        library.play_through(&sidecar).expect_all_passed();
        assert!(!sidecar.log_contains("profile.app"), "{}", sidecar.log());
    }
}

#[test]
fn ioredis_within_a_namespace() {
    within_a_namespace(&IOREDIS);
}

#[test]
fn node_redis_within_a_namespace() {
    within_a_namespace(&NODE_REDIS);
}

#[test]
fn redis_py_within_a_namespace() {
    within_a_namespace(&REDIS_PY);
}

#[test]
fn rate_limiter_flexible_within_a_namespace() {
    within_a_namespace(&RATE_LIMITER);
}

#[test]
fn ioredis_in_memory() {
    in_memory(&IOREDIS);
}

#[test]
fn node_redis_in_memory() {
    in_memory(&NODE_REDIS);
}

#[test]
fn redis_py_in_memory() {
    in_memory(&REDIS_PY);
}

#[test]
fn bullmq_is_told_why_not_in_memory() {
    in_memory(&BULLMQ);
}

#[test]
fn rate_limiter_flexible_is_told_why_not_in_memory() {
    in_memory(&RATE_LIMITER);
}

#[test]
fn ioredis_across_a_short_outage() {
    IOREDIS.play_across_outage("15s").expect_short_outage();
}

#[test]
fn node_redis_across_a_short_outage() {
    NODE_REDIS.play_across_outage("15s").expect_short_outage();
}

#[test]
fn redis_py_across_a_short_outage() {
    REDIS_PY.play_across_outage("15s").expect_short_outage();
}

#[test]
fn bullmq_across_a_short_outage() {
    BULLMQ.play_across_outage("15s").expect_short_outage();
}

#[test]
fn rate_limiter_flexible_across_a_short_outage() {
    RATE_LIMITER.play_across_outage("15s").expect_short_outage();
}

#[test]
fn ioredis_across_a_long_outage() {
    IOREDIS.play_across_outage("200ms").expect_long_outage();
}

#[test]
fn node_redis_across_a_long_outage() {
    NODE_REDIS.play_across_outage("200ms").expect_long_outage();
}

#[test]
fn redis_py_across_a_long_outage() {
    REDIS_PY.play_across_outage("200ms").expect_long_outage();
}

#[test]
fn bullmq_across_a_long_outage() {
    BULLMQ.play_across_outage("200ms").expect_long_outage();
}

#[test]
fn rate_limiter_flexible_across_a_long_outage() {
    RATE_LIMITER.play_across_outage("200ms").expect_long_outage();
}

#[test]
fn celery_through_tls() {
    through_tls(&CELERY);
}

#[test]
fn sidekiq_through_tls() {
    through_tls(&SIDEKIQ);
}

#[test]
fn celery_is_told_why_not_in_memory() {
    in_memory(&CELERY);
}

#[test]
fn sidekiq_in_memory() {
    in_memory(&SIDEKIQ);
}

#[test]
fn celery_across_a_short_outage() {
    CELERY.play_across_outage("15s").expect_short_outage();
}

#[test]
fn sidekiq_across_a_short_outage() {
    SIDEKIQ.play_across_outage("15s").expect_short_outage();
}

#[test]
fn celery_across_a_long_outage() {
    CELERY.play_across_outage("200ms").expect_long_outage();
}

#[test]
fn sidekiq_across_a_long_outage() {
    SIDEKIQ.play_across_outage("200ms").expect_long_outage();
}

#[test]
fn a_redis_that_forgets_what_it_acknowledged_fails_the_trial() {
    let mut redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let report = IOREDIS.play(&sidecar, Some(|| redis.restart()));
    let failed = report.outcomes.values().filter(|outcome| !outcome.has_passed);
    assert!(failed.count() >= 5, "{}", report.output);
}
