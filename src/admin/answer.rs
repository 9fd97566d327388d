//! What a route answers: a status code and a body, never kept by a cache.

use super::events::Events;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use serde_json::Value;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// One answer.
pub(super) type Answer = Response<Content>;

/// A body: all of it, or events as they come.
pub(super) enum Content {
    /// `None` once it was taken.
    Whole(Option<Bytes>),
    Events(Box<Events>),
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match self.get_mut() {
            Self::Whole(bytes) => bytes.take(),
            Self::Events(events) => ready!(events.poll_next(cx)),
        };
        Poll::Ready(piece.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Events(_) => SizeHint::default(),
        }
    }
}

/// A text of this type.
pub(super) fn text(code: StatusCode, kind: &'static str, text: String) -> Answer {
    answer(code, kind, Content::Whole(Some(Bytes::from(text))))
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
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}

/// Events until they end.
pub(super) fn stream(events: Events) -> Answer {
    answer(StatusCode::OK, "text/event-stream", Content::Events(Box::new(events)))
}

fn answer(code: StatusCode, kind: &'static str, content: Content) -> Answer {
    let mut answer = Response::new(content);
    *answer.status_mut() = code;
    let mut set = |name: HeaderName, value| {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    };
    set(CONTENT_TYPE, kind);
    set(CACHE_CONTROL, "no-store");
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    answer
}
