//! What is so at the moment of a scrape, as the rest of the sidecar says it: told before each scrape, and shown
//! as gauges.

use super::process::Process;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeGaugeValue, EncodeLabelSet, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Of the whole sidecar.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Clients that are connected.
    pub clients: usize,
    /// Whether clients should be sent here.
    pub is_ready: bool,
    /// Where there is a cloud Redis.
    pub upstream: Option<UpstreamState>,
    /// Keys and bytes that the embedded engine holds, where it serves.
    pub memory: Option<(usize, usize)>,
    /// Where there is a reply cache.
    pub cache: Option<CacheState>,
}

/// Of the reply cache.
#[derive(Clone, Copy, Debug, Default)]
pub struct CacheState {
    /// Keys that it holds something of.
    pub entries: u64,
    /// Bytes that it holds.
    pub bytes: u64,
    /// Replies that were kept or renewed since the start.
    pub stored: u64,
    /// Entries that a write made empty since the start.
    pub written: u64,
    /// Entries that made room for others since the start.
    pub crowded_out: u64,
}

/// Of the way to the cloud Redis.
#[derive(Clone, Debug, Default)]
pub struct UpstreamState {
    /// Lanes that are connected.
    pub lanes_connected: usize,
    /// What the breaker does: `closed`, `open` or `half-open`.
    pub breaker: &'static str,
    /// For how long the breaker has admitted nothing, all in all.
    pub outage: Duration,
    /// Connections of the pool that are lent, those that are idle, and how many there may be.
    pub lent: usize,
    /// See `lent`.
    pub idle: usize,
    /// See `lent`.
    pub max: usize,
    /// Clients that wait for one.
    pub waiting: usize,
    /// Channels, patterns and shard channels with subscribers.
    pub topics: [usize; 3],
    /// Subscriptions of clients to any of these.
    pub subscriptions: usize,
    /// When the upstream's certificate ends.
    pub certificate_end: Option<SystemTime>,
}

const BREAKER: [&str; 3] = ["closed", "open", "half-open"];
const TOPICS: [&str; 3] = ["channel", "pattern", "shard"];

/// The state as it was told last.
#[derive(Clone, Debug)]
pub(super) struct Board {
    start: SystemTime,
    state: Arc<Mutex<State>>,
}

impl Board {
    /// Of a process that has just started.
    pub(super) fn new() -> Self {
        Self { start: SystemTime::now(), state: Arc::default() }
    }

    pub(super) fn tell(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

impl Collector for Board {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut page = Page(encoder);
        page.gauge("clients", "Clients that are connected", count(state.clients))?;
        let help = "Whether clients should be sent here: 1, or 0";
        page.gauge("ready", help, i64::from(state.is_ready))?;
        page.build()?;
        page.upstream(state.upstream.as_ref())?;
        page.pool(state.upstream.as_ref())?;
        page.hub(state.upstream.as_ref())?;
        page.memory(state.memory)?;
        page.cache(state.cache)?;
        let start = self.start.duration_since(UNIX_EPOCH).unwrap_or_default();
        let help = "When this process was started, in seconds since 1970";
        page.gauge("process_start_time_seconds", help, start.as_secs_f64())?;
        page.process(Process::now())
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn gauge(&mut self, name: &str, help: &str, value: impl EncodeGaugeValue) -> fmt::Result {
        self.gauge_if(name, help, Some(value))
    }

    /// Without a value there is the name alone.
    fn gauge_if(
        &mut self,
        name: &str,
        help: &str,
        value: Option<impl EncodeGaugeValue>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        value.map_or(Ok(()), |value| metric.encode_gauge(&value))
    }

    /// With labels.
    fn gauges<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, i64)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in values {
            metric.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    fn total(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, f64, f64>(&value, None)
    }

    fn build(&mut self) -> fmt::Result {
        let tls = if cfg!(feature = "aws-lc-rs") { "aws-lc-rs" } else { "ring" };
        let labels = [("version", env!("CARGO_PKG_VERSION")), ("tls", tls)];
        self.gauges("build_info", "Which build this is; always 1", [(labels, 1)])
    }

    fn upstream(&mut self, upstream: Option<&UpstreamState>) -> fmt::Result {
        let lanes = upstream.map(|it| count(it.lanes_connected));
        let help = "Whether any lane is connected to the upstream: 1, or 0";
        self.gauge_if("upstream_up", help, lanes.map(|lanes| lanes.min(1)))?;
        self.gauge_if("lanes_connected", "Lanes that are connected to the upstream", lanes)?;
        let states = upstream.into_iter().flat_map(|it| {
            BREAKER.map(|state| ([("state", state)], i64::from(state == it.breaker)))
        });
        self.gauges("breaker_state", "1 for the state that the breaker is in", states)?;
        let outage = upstream.map_or(0.0, |it| it.outage.as_secs_f64());
        let help = "For how long the breaker has admitted nothing, all in all";
        self.total("outage_seconds", help, outage)?;
        let end = upstream
            .and_then(|it| it.certificate_end)
            .map(|end| end.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64());
        let help = "When the upstream's certificate ends, in seconds since 1970";
        self.gauge_if("upstream_certificate_expiry_timestamp_seconds", help, end)
    }

    fn pool(&mut self, upstream: Option<&UpstreamState>) -> fmt::Result {
        let sizes = upstream.into_iter().flat_map(|it| {
            [([("state", "lent")], count(it.lent)), ([("state", "idle")], count(it.idle))]
        });
        self.gauges("pool_connections", "Connections of the pool", sizes)?;
        let help = "Connections that the pool may have at most";
        self.gauge_if("pool_max_connections", help, upstream.map(|it| count(it.max)))?;
        let help = "Clients that wait for a connection of the pool";
        self.gauge_if("pool_waiting", help, upstream.map(|it| count(it.waiting)))
    }

    fn hub(&mut self, upstream: Option<&UpstreamState>) -> fmt::Result {
        let topics = upstream.into_iter().flat_map(|it| {
            TOPICS.into_iter().zip(it.topics).map(|(kind, many)| ([("kind", kind)], count(many)))
        });
        self.gauges("hub_topics", "What clients are subscribed to, by kind", topics)?;
        let help = "Subscriptions of clients, each of one client to one topic";
        self.gauge_if("hub_subscriptions", help, upstream.map(|it| count(it.subscriptions)))
    }

    fn memory(&mut self, memory: Option<(usize, usize)>) -> fmt::Result {
        let help = "Keys that the embedded engine holds";
        self.gauge_if("memory_keys", help, memory.map(|(keys, _)| count(keys)))?;
        let help = "Bytes that the embedded engine holds";
        self.gauge_if("memory_bytes", help, memory.map(|(_, bytes)| count(bytes)))
    }

    fn cache(&mut self, cache: Option<CacheState>) -> fmt::Result {
        let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let help = "Keys that the reply cache holds something of";
        self.gauge_if("cache_entries", help, cache.map(|cache| gauge(cache.entries)))?;
        let help = "Bytes that the reply cache holds";
        self.gauge_if("cache_bytes", help, cache.map(|cache| gauge(cache.bytes)))?;
        let help = "Replies that the reply cache has kept, or found unchanged";
        let mut metric =
            self.0.encode_descriptor("cache_stores", help, None, MetricType::Counter)?;
        if let Some(cache) = cache {
            metric.encode_counter::<NoLabelSet, u64, u64>(&cache.stored, None)?;
        }
        let help = "Entries of the reply cache whose replies were taken away, by why";
        let mut metric =
            self.0.encode_descriptor("cache_evictions", help, None, MetricType::Counter)?;
        let counts = cache.map(|cache| [("write", cache.written), ("room", cache.crowded_out)]);
        for (cause, count) in counts.into_iter().flatten() {
            let labels = [("cause", cause)];
            let mut one = metric.encode_family(&labels)?;
            one.encode_counter::<NoLabelSet, u64, u64>(&count, None)?;
        }
        Ok(())
    }

    fn process(&mut self, process: Option<Process>) -> fmt::Result {
        let Some(process) = process else { return Ok(()) };
        let help = "CPU time of this process, in user mode and in the kernel";
        self.total("process_cpu_seconds", help, process.cpu_seconds)?;
        let mut gauge = |name, help, value: u64| self.gauge(name, help, value);
        gauge("process_resident_memory_bytes", "Memory in use", process.resident_bytes)?;
        gauge("process_virtual_memory_bytes", "Address space in use", process.virtual_bytes)?;
        gauge("process_open_fds", "Open files, sockets among them", process.open_files)?;
        gauge("process_max_fds", "Files that may be open at a time", process.max_files)?;
        gauge("process_threads", "Threads", process.threads)
    }
}
