//! Answers: bodies, problems, and the fields that every answer has.

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use policy::{Refusal, Scope};
use std::convert::Infallible;

/// What is sent.
pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;
/// An answer.
pub(crate) type Reply = Response<Body>;

/// An answer of this type.
pub(crate) fn reply(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Reply {
    streamed(status, kind, Full::new(text.into()).boxed_unsync())
}

/// An answer that comes as it is made.
pub(crate) fn streamed(status: StatusCode, kind: &'static str, body: Body) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    let fields = reply.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    reply
}

/// Lines of text.
pub(crate) fn text(status: StatusCode, text: impl Into<Bytes>) -> Reply {
    reply(status, "text/plain; charset=utf-8", text)
}

/// A problem, as RFC 9457 has it.
pub(crate) fn problem(status: StatusCode, detail: &str) -> Reply {
    let title = status.canonical_reason().unwrap_or_default();
    let body = serde_json::json!({ "title": title, "status": status.as_u16(), "detail": detail });
    reply(status, "application/problem+json", body.to_string())
}

/// Somebody has to say who he is. What was wrong with what he said stands in the log.
pub(crate) fn unauthorized(detail: &str) -> Reply {
    let mut reply = problem(StatusCode::UNAUTHORIZED, detail);
    // RFC 9110 §11.6.1: one field for each scheme; RFC 7617 §2.1 for the charset.
    for scheme in ["Basic realm=\"Gatepost\", charset=\"UTF-8\"", "Bearer realm=\"Gatepost\""] {
        reply.headers_mut().append(WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
    }
    reply
}

/// What a client hears of a refusal.
pub(crate) fn refused(refusal: &Refusal) -> Reply {
    match refusal {
        Refusal::RoleNeeded { .. } => {
            let remedy = refusal.remedy().unwrap_or_default();
            let text = format!("{}. What would change it: {remedy}", refusal.reason());
            problem(StatusCode::FORBIDDEN, &text)
        }
        Refusal::TooManyLogins { scope, .. } => {
            let whose = if *scope == Scope::Address { "from your address " } else { "" };
            let text = format!("too many passwords {whose}wait to be checked; try again later");
            let mut reply = problem(StatusCode::TOO_MANY_REQUESTS, &text);
            reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("10"));
            reply
        }
        Refusal::UnknownToken | Refusal::TokenExpired { .. } => unauthorized(
            "the access token is not valid, or has expired; Get-AccessToken shows those there are",
        ),
        _ => unauthorized("the user name or the password is wrong"),
    }
}
