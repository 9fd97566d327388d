//! The two formats of a scrape. The registry speaks OpenMetrics; Prometheus's older text names a counter by its
//! whole name and has no units and no end.

/// What a scraper asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `text/plain; version=0.0.4`
    Prometheus,
    /// `application/openmetrics-text; version=1.0.0`
    OpenMetrics,
}

impl Format {
    /// By the Accept header. Who names no format gets the older one.
    #[must_use]
    pub fn accepted(header: Option<&str>) -> Self {
        let asks = header.is_some_and(|accept| accept.contains("application/openmetrics-text"));
        if asks { Self::OpenMetrics } else { Self::Prometheus }
    }

    /// The Content-Type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// OpenMetrics as Prometheus's text.
pub(super) fn to_prometheus(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut help = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            // Whether it is a counter's is told by the line after it.
            help = Some(rest);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap_or((rest, "untyped"));
            let suffix = if kind == "counter" { "_total" } else { "" };
            let about = help.take().and_then(|about| about.strip_prefix(name)).unwrap_or_default();
            out.push_str(&format!("# HELP {name}{suffix}{about}\n# TYPE {name}{suffix} {kind}\n"));
        } else if !line.starts_with('#') {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Format, to_prometheus};

    #[test]
    fn the_older_text_names_counters_as_their_samples() {
        let text = "# HELP a_seconds About a.\n# TYPE a_seconds counter\n# UNIT a_seconds seconds\n\
                    a_seconds_total{x=\"y\"} 1\n# HELP b A gauge.\n# TYPE b gauge\nb 2\n# EOF\n";
        assert_eq!(
            to_prometheus(text),
            "# HELP a_seconds_total About a.\n# TYPE a_seconds_total counter\n\
             a_seconds_total{x=\"y\"} 1\n# HELP b A gauge.\n# TYPE b gauge\nb 2\n"
        );
    }

    #[test]
    fn the_accept_header_decides() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.5";
        assert_eq!(Format::accepted(Some(prometheus)), Format::OpenMetrics);
        assert_eq!(Format::accepted(Some("*/*")), Format::Prometheus);
        assert_eq!(Format::accepted(None), Format::Prometheus);
    }
}
