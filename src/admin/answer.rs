//! What a route answers: a status code and JSON, never kept by a cache.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use serde_json::Value;

/// One answer.
pub(super) type Answer = Response<Full<Bytes>>;

/// A text of this type.
pub(super) fn text(code: StatusCode, kind: &'static str, text: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = code;
    set(&mut answer, CONTENT_TYPE, kind);
    set(&mut answer, CACHE_CONTROL, "no-store");
    set(&mut answer, X_CONTENT_TYPE_OPTIONS, "nosniff");
    answer
}

/// JSON for people too: indented, with a line feed at the end.
pub(super) fn json(code: StatusCode, value: &Value) -> Answer {
    text(code, "application/json", format!("{value:#}\n"))
}

/// 200 where all is well, 503 where a probe should hear otherwise.
pub(super) fn probe(is_well: bool, value: &Value) -> Answer {
    json(if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, value)
}

/// 405, and what would do.
pub(super) fn not_allowed(allowed: &'static str, value: &Value) -> Answer {
    let mut answer = json(StatusCode::METHOD_NOT_ALLOWED, value);
    set(&mut answer, ALLOW, allowed);
    answer
}

fn set(answer: &mut Answer, name: HeaderName, value: &'static str) {
    answer.headers_mut().insert(name, HeaderValue::from_static(value));
}
