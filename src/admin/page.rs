//! The live page, and what it asks for: snapshots as events, the configuration, and the notes as JSON.
//!
//! The page is one file in the binary and asks nobody but us; its policy lets the browser run nothing else.

use super::Visit;
use super::answer::{Answer, json, stream, text};
use super::events::Events;
use crate::telemetry::slowlog;
use crate::upstream::tls::provider;
use hyper::StatusCode;
use hyper::header::{
    CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY, RETRY_AFTER, X_FRAME_OPTIONS,
};
use serde_json::json;
use std::sync::Arc;

const PAGE: &str = include_str!("page.html");

/// Stands in the page where this answer's nonce belongs.
const PLACE: &str = "{nonce}";

pub(super) fn page(_: &Visit) -> Answer {
    let mut seed = [0_u8; 16];
    if provider().secure_random.fill(&mut seed).is_err() {
        let error = "the system gives no random numbers";
        return json(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "error": error }));
    }
    let nonce = format!("{:032x}", u128::from_ne_bytes(seed));
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let mut answer = text(StatusCode::OK, "text/html; charset=utf-8", PAGE.replace(PLACE, &nonce));
    let headers = answer.headers_mut();
    // Letters, digits and quotes: always a header's value.
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    answer
}

pub(super) fn events(visit: &Visit) -> Answer {
    match Arc::clone(&visit.seats).try_acquire_owned() {
        Ok(seat) => stream(Events::new(Arc::clone(&visit.vitals), visit.sees_keys(), seat)),
        Err(_) => {
            let error = "too many listeners; try again later";
            let mut answer = json(StatusCode::SERVICE_UNAVAILABLE, &json!({ "error": error }));
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("10"));
            answer
        }
    }
}

pub(super) fn config(visit: &Visit) -> Answer {
    json(StatusCode::OK, &visit.vitals.settings())
}

pub(super) fn stats(visit: &Visit) -> Answer {
    json(StatusCode::OK, &visit.vitals.stats())
}

pub(super) fn slow(visit: &Visit) -> Answer {
    let entries = visit.vitals.slowlog(slowlog::LENGTH, visit.sees_keys());
    json(StatusCode::OK, &json!({ "slowlog": entries }))
}

pub(super) fn hot(visit: &Visit) -> Answer {
    json(StatusCode::OK, &visit.vitals.hot_keys(visit.sees_keys()))
}

pub(super) fn big(visit: &Visit) -> Answer {
    json(StatusCode::OK, &json!({ "values": visit.vitals.big_values(visit.sees_keys()) }))
}
