use super::{Endpoint, Share, check, pairs};
use crate::config::fault::Faults;
use crate::config::layers::{Layers, Origin, Sources};
use crate::config::read::Reader;
use crate::config::{Config, Env, keys};

fn load(env: &[(&str, &str)]) -> Config {
    let env: Env = env.iter().copied().collect();
    Config::load(&Sources { env, ..Sources::default() }).unwrap()
}

/// The section of a build that can export, or can't; its faults and warnings.
fn section(
    origin: Origin,
    settings: &[(&keys::Key, &str)],
    is_built: bool,
) -> (Option<super::Otlp>, Vec<String>, Vec<String>) {
    let mut layers = Layers::default();
    settings.iter().for_each(|(key, text)| layers.set(key, *text, origin));
    let mut faults = Faults::default();
    let (warnings, origins) = (Vec::new(), layers.origins());
    let mut reader = Reader { layers: &layers, faults: &mut faults, warnings, origins };
    let otlp = check(&mut reader, is_built);
    let warnings = reader.warnings;
    (otlp, faults.iter().map(ToString::to_string).collect(), warnings)
}

#[test]
fn an_endpoint_is_a_base_for_the_paths_of_both_signals() {
    for (text, shown, port) in [
        ("http://localhost:4318", "http://localhost:4318", 4318),
        ("http://localhost:4318/", "http://localhost:4318", 4318),
        ("HTTPS://otel.example.com", "https://otel.example.com", 443),
        ("https://otel.example.com:443/otlp/", "https://otel.example.com/otlp", 443),
        ("http://collector", "http://collector", 80),
        ("http://[::1]:4318/a/b", "http://[::1]:4318/a/b", 4318),
    ] {
        let endpoint = Endpoint::parse(text).unwrap();
        assert_eq!((endpoint.to_string().as_str(), endpoint.port), (shown, port), "{text}");
    }
    for wrong in [
        "",
        "localhost:4318",
        "grpc://localhost:4317",
        "http://",
        "http://:4318",
        "http://a:0",
        "http://a:70000",
        "http://user:secret@a",
        "http://a/?x=1",
        "http://a b/",
        "http://a/\r\nX: y",
    ] {
        assert!(Endpoint::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_share_is_exact_to_the_millionth() {
    for (text, share) in
        [("0", 0), ("1", 1_000_000), ("0.01", 10_000), ("1e-6", 1), ("1.0", 1_000_000)]
    {
        assert_eq!(Share::parse(text), Some(Share(share)), "{text}");
    }
    for wrong in ["", "-0.1", "1.1", "1e-9", "NaN", "inf", "half", "1%"] {
        assert_eq!(Share::parse(wrong), None, "{wrong}");
    }
    assert_eq!(Share(10_000).to_string(), "0.01");
}

#[test]
fn pairs_are_percent_encoded_and_come_back_from_a_print() {
    let expected = vec![("a".to_owned(), "b c".to_owned()), ("d".to_owned(), "1,2=3".to_owned())];
    assert_eq!(pairs(" a = b%20c , d=1%2C2=3,"), Some(expected));
    for wrong in ["a", "=b", "a=%2", "a=%zz", "a=%ff"] {
        assert_eq!(pairs(wrong), None, "{wrong}");
    }
    let config = load(&[("OTEL_RESOURCE_ATTRIBUTES", "d=1%2C2,e=50%25")]);
    let setting = config.settings().into_iter().find(|it| it.path == "otlp.resource").unwrap();
    assert_eq!(setting.value.as_deref(), Some("d=1%2C2,e=50%25"));
}

#[test]
fn the_file_asks_for_what_the_build_must_have_and_the_environment_does_not() {
    let endpoint = [(&keys::otlp::ENDPOINT, "http://localhost:4318")];
    let (otlp, faults, _) = section(Origin::File, &endpoint, false);
    assert!(otlp.is_none() && faults.len() == 1, "{faults:?}");
    assert!(faults[0].contains("otlp.endpoint") && faults[0].contains("--features otlp"));
    let from_env = Origin::Env("OTEL_EXPORTER_OTLP_ENDPOINT");
    let (otlp, faults, warnings) = section(from_env, &endpoint, false);
    assert!(otlp.unwrap().endpoint.is_none() && faults.is_empty(), "{faults:?}");
    assert!(warnings[0].contains("OTEL_EXPORTER_OTLP_ENDPOINT") && warnings[0].contains("feature"));
    for origin in [Origin::File, from_env] {
        let (otlp, faults, warnings) = section(origin, &endpoint, true);
        assert_eq!(otlp.unwrap().endpoint.unwrap().authority(), "localhost:4318");
        assert!(faults.is_empty() && warnings.is_empty(), "{faults:?} {warnings:?}");
    }
}

#[test]
fn headers_are_secrets_in_faults_too() {
    let settings =
        [(&keys::otlp::ENDPOINT, "http://a"), (&keys::otlp::HEADERS, "api key=hunter2%0a")];
    let (_, faults, warnings) = section(Origin::File, &settings, true);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(!format!("{faults:?}{warnings:?}").contains("hunter2"), "{faults:?}");
    let settings =
        [(&keys::otlp::ENDPOINT, "http://a"), (&keys::otlp::HEADERS, "api-key=hunter2,b=c")];
    let (otlp, faults, _) = section(Origin::File, &settings, true);
    assert!(faults.is_empty(), "{faults:?}");
    let headers = otlp.unwrap().header_pairs();
    assert_eq!((headers.len(), headers[0].1.expose()), (2, "hunter2"));
}

#[test]
fn the_sampler_of_the_environment_is_the_share() {
    for (sampler, argument, share) in [
        ("always_on", None, 1_000_000),
        ("parentbased_always_off", Some("1"), 0),
        ("traceidratio", Some("0.25"), 250_000),
        ("parentbased_traceidratio", None, 1_000_000),
    ] {
        let mut env = vec![("OTEL_TRACES_SAMPLER", sampler)];
        env.extend(argument.map(|argument| ("OTEL_TRACES_SAMPLER_ARG", argument)));
        let config = load(&env);
        assert_eq!((config.sample, config.warnings), (Share(share), Vec::new()), "{sampler}");
    }
    for env in [("OTEL_TRACES_SAMPLER", "xray"), ("OTEL_TRACES_SAMPLER_ARG", "0.5")] {
        let config = load(&[env]);
        assert_eq!((config.sample, config.warnings.len()), (Share(0), 1), "{env:?}");
    }
}

#[test]
fn a_disabled_sdk_exports_nothing() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");
    let config = load(&[endpoint, ("OTEL_SDK_DISABLED", "true")]);
    assert_eq!((config.otlp.endpoint, config.warnings), (None, Vec::new()));
}

#[cfg(feature = "otlp")]
#[test]
fn times_of_the_environment_are_milliseconds_and_grpc_is_a_warning() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317");
    let config = load(&[
        endpoint,
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "15000"),
        ("OTEL_SERVICE_NAME", "payments-redis"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
    ]);
    assert_eq!(config.otlp.timeout.as_millis(), 2500);
    assert_eq!(config.otlp.metrics_interval.unwrap().as_secs(), 15);
    assert_eq!(config.otlp.service_name, "payments-redis");
    assert!(config.warnings[0].contains("4318"), "{:?}", config.warnings);
}
