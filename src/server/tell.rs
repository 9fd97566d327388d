//! What is told to others by itself: spans to the log or a collector, metrics to a collector. Owns the tasks.

use super::{ServerError, Shared};
use crate::telemetry::spans::{Span, log};
#[cfg(feature = "otlp")]
use crate::{config, telemetry::metrics::Format, telemetry::otlp::Exporter, upstream};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

/// At the end, what waits is told within this time.
const FAREWELL: Duration = Duration::from_secs(3);

/// The tasks, and the way to end them.
pub(super) struct Tellers {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Tellers {
    /// Starts telling what is asked for: spans to a collector where there is one, else to the log.
    pub(super) fn start(
        shared: &Arc<Shared>,
        spans: Option<mpsc::Receiver<Span>>,
    ) -> Result<Self, ServerError> {
        let mut tellers = Self { stop: watch::Sender::new(false), tasks: Vec::new() };
        if let Some(spans) = tellers.export(shared, spans)? {
            let events = Arc::clone(shared.vitals.metrics.events());
            let task = log::write(spans, events, tellers.stop.subscribe());
            tellers.tasks.push(tokio::spawn(task));
        }
        Ok(tellers)
    }

    /// Gives the spans back where no collector gets them.
    #[cfg(not(feature = "otlp"))]
    fn export(
        &mut self,
        _shared: &Arc<Shared>,
        spans: Option<mpsc::Receiver<Span>>,
    ) -> Result<Option<mpsc::Receiver<Span>>, ServerError> {
        Ok(spans)
    }

    /// Gives the spans back where no collector gets them.
    #[cfg(feature = "otlp")]
    fn export(
        &mut self,
        shared: &Arc<Shared>,
        spans: Option<mpsc::Receiver<Span>>,
    ) -> Result<Option<mpsc::Receiver<Span>>, ServerError> {
        let Some(exporter) = exporter(shared)? else { return Ok(spans) };
        if let Some(spans) = spans {
            let task = Arc::clone(&exporter).export_spans(spans, self.stop.subscribe());
            self.tasks.push(tokio::spawn(task));
        }
        let vitals = Arc::clone(&shared.vitals);
        let page = move || vitals.metrics.render(Format::OpenMetrics, vitals.state());
        self.tasks.push(tokio::spawn(exporter.export_metrics(page, self.stop.subscribe())));
        Ok(None)
    }

    /// Tells what waits, and ends.
    pub(super) async fn finish(self) {
        self.stop.send_replace(true);
        let deadline = Instant::now() + FAREWELL;
        for mut task in self.tasks {
            if timeout_at(deadline, &mut task).await.is_err() {
                task.abort();
                tracing::warn!("not all spans and metrics could be exported before the end");
            }
        }
    }
}

#[cfg(feature = "otlp")]
fn exporter(shared: &Shared) -> Result<Option<Arc<Exporter>>, ServerError> {
    let config = &shared.config;
    let Some(endpoint) = &config.otlp.endpoint else { return Ok(None) };
    let tls = endpoint.is_tls.then(|| {
        let tls = config::Tls { ca_file: config.otlp.ca_file.clone(), ..config::Tls::default() };
        upstream::tls::client_config(&tls, &endpoint.host)
    });
    let server = match &config.upstream.target {
        config::Target::Tcp { host, port } => Some((host.clone(), *port)),
        config::Target::Memory | config::Target::Unix(_) => None,
    };
    let tls = tls.transpose().map_err(ServerError::Collector)?;
    let events = Arc::clone(shared.vitals.metrics.events());
    tracing::info!(endpoint = endpoint.to_string(), "exporting by OTLP");
    Ok(Some(Arc::new(Exporter::new(&config.otlp, endpoint, tls, server, events))))
}
