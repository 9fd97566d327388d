//! Export to an OpenTelemetry collector: what arrives at a real receiver is decoded and compared with what was done.
//! A build without the feature says so.

#[cfg(feature = "otlp")]
mod collector;
#[cfg(feature = "otlp")]
mod faults;
#[cfg(feature = "otlp")]
mod signals;

use crate::harness::Cli;

#[test]
fn an_endpoint_in_the_file_is_a_fault_where_the_build_cannot_export() {
    let yaml = "otlp: {endpoint: 'http://localhost:4318', headers: 'api-key=hunter2'}";
    let checked = Cli::new(&["check"]).config(yaml).run();
    assert!(!format!("{checked:?}").contains("hunter2"), "{checked:?}");
    if cfg!(feature = "otlp") {
        assert_eq!(checked.code, Some(0), "{checked:?}");
        assert!(checked.out.contains("endpoint: http://localhost:4318"), "{checked:?}");
    } else {
        assert_eq!(checked.code, Some(2), "{checked:?}");
        assert!(checked.err.contains("otlp.endpoint: "), "{checked:?}");
        assert!(checked.err.contains("build with --features otlp"), "{checked:?}");
    }
}

#[test]
fn the_environment_of_a_pod_never_keeps_the_sidecar_from_starting() {
    let checked =
        Cli::new(&["check"]).env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318").run();
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let is_told = checked.err.contains("without the feature otlp");
    assert_eq!(is_told, !cfg!(feature = "otlp"), "{checked:?}");
}

#[test]
fn nothing_of_the_export_is_in_a_build_without_the_feature() {
    let root = env!("CARGO_MANIFEST_DIR");
    let tree = |features: &[&str]| {
        let mut cargo = std::process::Command::new(env!("CARGO"));
        cargo.args(["tree", "--offline", "--edges", "normal", "--prefix", "none"]).args(features);
        let output = cargo.current_dir(root).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let has_any = |tree: &str| tree.contains("opentelemetry") || tree.contains("prost v");
    assert!(!has_any(&tree(&[])));
    assert!(has_any(&tree(&["--features", "otlp"])));
}
