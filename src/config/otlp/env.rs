//! What OpenTelemetry's environment says beyond one variable for one key: the sampler, the protocol, and off.
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>

use crate::config::keys;
use crate::config::layers::{Env, Layers, Origin};

const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SHARE: &str = "OTEL_TRACES_SAMPLER_ARG";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
const DISABLED: &str = "OTEL_SDK_DISABLED";

/// Lays it over what is there. What it asks for and can't be had is a warning: a pod may set it for its app.
pub(in crate::config) fn lay(env: &Env, layers: &mut Layers) {
    if let Some(share) = sampled(env, layers) {
        layers.set(&keys::SPANS_SAMPLE, share, Origin::Env(SAMPLER));
    }
    let is_disabled = env.var(DISABLED).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if is_disabled && layers.setting(&keys::otlp::ENDPOINT).is_some() {
        layers.set(&keys::otlp::ENDPOINT, "", Origin::Env(DISABLED));
    }
    if layers.setting(&keys::otlp::ENDPOINT).is_some()
        && env.var(PROTOCOL).is_some_and(|protocol| protocol != "http/protobuf")
    {
        let warning =
            "is not spoken: only http/protobuf is; give the collector's port for HTTP, 4318";
        layers.warnings.push(format!("otlp.endpoint: what {PROTOCOL} asks for {warning}"));
    }
}

/// Commands have no parents, so that a sampler that asks them is the one that doesn't.
fn sampled(env: &Env, layers: &mut Layers) -> Option<String> {
    let Some(sampler) = env.var(SAMPLER) else {
        if env.var(SHARE).is_some() {
            layers.warnings.push(format!("{SHARE} has no effect without {SAMPLER}=traceidratio"));
        }
        return None;
    };
    match sampler.strip_prefix("parentbased_").unwrap_or(sampler) {
        "always_on" => Some("1".to_owned()),
        "always_off" => Some("0".to_owned()),
        "traceidratio" => Some(env.var(SHARE).unwrap_or("1").to_owned()),
        _ => {
            let known = "always_on, always_off and traceidratio are";
            layers.warnings.push(format!("{SAMPLER}: this sampler is not known; {known}"));
            None
        }
    }
}
