//! Which path is answered by what.

use crate::access::{Access, is_cross_site};
use crate::reply::{Reply, problem, reply, text};
use crate::serve::Session;
use crate::{commands, openapi, shell};
use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, Request, StatusCode};

/// Answers a request.
pub(crate) async fn answer(session: &Session, request: Request<Incoming>) -> Reply {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let reply = match path.strip_prefix("/api/v1/") {
        Some(_) if is_cross_site(request.headers()) => problem(
            StatusCode::FORBIDDEN,
            "this is no request of a page of this server; a page of another may not ask",
        ),
        Some(rest) => api(session, &method, rest, request).await,
        None => open(session, &method, &path).await,
    };
    tracing::info!(%method, path, status = reply.status().as_u16(), peer = %session.peer, "answered");
    reply
}

/// What everybody may ask.
async fn open(session: &Session, method: &Method, path: &str) -> Reply {
    match path {
        "/healthz" | "/readyz" if !reads(method) => not_allowed("GET"),
        "/healthz" => text(StatusCode::OK, "ok\n"),
        "/readyz" => ready(session).await,
        _ => problem(StatusCode::NOT_FOUND, "there is nothing here"),
    }
}

fn reads(method: &Method) -> bool {
    [Method::GET, Method::HEAD].contains(method)
}

async fn api(session: &Session, method: &Method, rest: &str, request: Request<Incoming>) -> Reply {
    match rest {
        "openapi.json" if reads(method) => reply(StatusCode::OK, "application/json", openapi::document()),
        "openapi.json" => not_allowed("GET"),
        "shell" if *method == Method::GET => shell::begin(session, request).await,
        "shell" => not_allowed("GET"),
        _ if rest != "script" && !rest.starts_with("cmdlets/") => problem(
            StatusCode::NOT_FOUND,
            "there is nothing here; /api/v1/openapi.json describes what there is",
        ),
        _ if *method != Method::POST => not_allowed("POST"),
        _ => match Access::of(session, request.headers()).await {
            Ok(access) => commands::run(session, &access, rest, request).await,
            Err(reply) => reply,
        },
    }
}

fn not_allowed(method: &'static str) -> Reply {
    let mut reply = problem(StatusCode::METHOD_NOT_ALLOWED, &format!("this path takes {method}"));
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(method));
    reply
}

/// Ready is a node whose store answers and whose listeners are open.
async fn ready(session: &Session) -> Reply {
    let store = session.web.context.store.audit(1).await.is_ok();
    let listening = session.web.gate.is_listening().await;
    let word = |good| if good { "ok" } else { "failed" };
    let status = if store && listening { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    text(status, format!("store {}\nlisteners {}\n", word(store), word(listening)))
}
