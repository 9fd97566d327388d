//! The table of routes, and the way from a request to its answer.
//!
//! To add a route: one row here, and a function that answers it.

use super::Visit;
use super::answer::{Answer, json, not_allowed};
use super::{health, metrics, page};
use hyper::header::{HOST, ORIGIN};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use serde_json::json;
use std::future::Future;
use std::pin::Pin;

/// How a route is answered.
enum Way {
    /// From what is known already.
    Known(fn(&Visit) -> Answer),
    /// By asking others, within bounds.
    Asked(for<'a> fn(&'a Visit) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>>),
}

struct Route {
    path: &'static str,
    /// GET answers HEAD too.
    method: Method,
    way: Way,
}

const ROUTES: &[Route] = &[
    get("/", Way::Known(page::page)),
    get("/events", Way::Known(page::events)),
    get("/config", Way::Known(page::config)),
    get("/stats", Way::Known(page::stats)),
    get("/slowlog", Way::Known(page::slow)),
    get("/hotkeys", Way::Known(page::hot)),
    get("/bigkeys", Way::Known(page::big)),
    get("/metrics", Way::Known(metrics::metrics)),
    get("/live", Way::Known(health::live)),
    get("/ready", Way::Known(health::ready)),
    get("/startup", Way::Known(health::startup)),
    get("/health", Way::Known(health::summary)),
    get("/health/redis", Way::Asked(|visit| Box::pin(health::redis(visit)))),
    get("/health/detailed", Way::Asked(|visit| Box::pin(health::detailed(visit)))),
    post("/quitquitquit", Way::Known(health::quit)),
];

const fn get(path: &'static str, way: Way) -> Route {
    Route { path, method: Method::GET, way }
}

const fn post(path: &'static str, way: Way) -> Route {
    Route { path, method: Method::POST, way }
}

/// Answers one request.
pub(super) async fn respond(visit: &Visit) -> Answer {
    let request = &visit.request;
    let path = plain(request.uri.path());
    let Some(route) = ROUTES.iter().find(|route| route.path == path) else {
        let paths: Vec<&str> = ROUTES.iter().map(|route| route.path).collect();
        return json(StatusCode::NOT_FOUND, &json!({ "error": "not found", "there are": paths }));
    };
    let method = if request.method == Method::HEAD { &Method::GET } else { &request.method };
    if *method != route.method {
        let allowed = if route.method == Method::POST { "POST" } else { "GET, HEAD" };
        let error = format!("method not allowed; use {allowed}");
        return not_allowed(allowed, &json!({ "error": error }));
    }
    if route.method == Method::POST && is_foreign(request) {
        return json(StatusCode::FORBIDDEN, &json!({ "error": "not from another site's page" }));
    }
    match route.way {
        Way::Known(answer) => answer(visit),
        Way::Asked(answer) => answer(visit).await,
    }
}

/// Apps of old look below `/api`; a slash at the end means nothing.
fn plain(path: &str) -> &str {
    let path = path.strip_suffix('/').unwrap_or(path);
    match path.strip_prefix("/api") {
        Some(rest) if rest == "/health" || rest.starts_with("/health/") => rest,
        _ if path.is_empty() => "/",
        _ => path,
    }
}

/// Whether a page of another site makes a browser send this.
fn is_foreign(request: &Parts) -> bool {
    let header = |name| request.headers.get(name).map(hyper::header::HeaderValue::as_bytes);
    header(ORIGIN).is_some_and(|origin| {
        let host = header(HOST).unwrap_or_default();
        origin.strip_prefix(b"http://").is_none_or(|origin| origin != host)
    })
}
