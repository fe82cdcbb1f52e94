//! Cmdlets for programs: a text, or one cmdlet with its parameters as JSON; what comes of it streams as lines of JSON.
//!
//! A line is an object of `kind` `object` (with `type` and `value`), `text`, `warning`, `error` or `verbose` (each with
//! `text`), and the last one of kind `end` says how it ended. Nobody can be asked: what asks for a confirmation is an
//! error, unless `Confirm` is false.

use crate::access::Access;
use crate::reply::{Reply, problem, refused, streamed};
use crate::serve::Session;
use admin::{BoxFuture, Channel, Definition, Gone, Outcome, Output, Question, Shell, Terminal};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Frame, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::{Request, StatusCode};
use serde_json::{Map, Value, json};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// The media type of a script.
const SCRIPT: &str = "text/plain";
/// The media type of parameters.
const PARAMETERS: &str = "application/json";
/// Octets of a script or of parameters.
const MOST: usize = 1 << 20;
/// How long a client may take to send them.
const ARRIVAL: Duration = Duration::from_secs(30);
/// Lines that wait for the client to read.
const LINES: usize = 64;
/// Wide enough to cut nothing.
const TERMINAL: Terminal = Terminal { width: 10_000, interactive: false };

/// What is to be run.
enum Task {
    Script(String),
    Cmdlet(Definition, Map<String, Value>),
}

/// Runs what is asked for.
pub(crate) async fn run(session: &Session, access: &Access, path: &str, request: Request<Incoming>) -> Reply {
    let task = match path.strip_prefix("cmdlets/") {
        None => script(request).await.map(Task::Script),
        Some(name) => cmdlet(session, access, name, request).await,
    };
    let task = match task {
        Ok(task) => task,
        Err(reply) => return reply,
    };
    let context = access.context(&session.web);
    let what = match &task {
        Task::Script(_) => "a script",
        Task::Cmdlet(cmdlet, _) => cmdlet.name(),
    };
    tracing::info!(caller = context.caller, what, "runs");
    let (lines, receiver) = mpsc::channel(LINES);
    let run = Box::pin(perform(Shell::new(context, TERMINAL), task, lines));
    let body = Running { run: Some(run), lines: receiver };
    streamed(StatusCode::OK, "application/x-ndjson", body.boxed_unsync())
}

async fn perform(mut shell: Shell, task: Task, lines: mpsc::Sender<Bytes>) {
    let mut lines = Lines(lines);
    let outcome = match task {
        Task::Script(text) => shell.run_for_program(&text, &mut lines).await,
        Task::Cmdlet(cmdlet, parameters) => shell.call_for_program(cmdlet, parameters, &mut lines).await,
    };
    let (outcome, code) = match outcome {
        Outcome::Done => ("Done", 0),
        Outcome::Failed => ("Failed", 1),
        Outcome::Exit(code) => ("Exit", code),
    };
    // Nobody to hear of the end is no other end.
    let _ = lines.send(json!({ "kind": "end", "outcome": outcome, "code": code }).to_string()).await;
}

async fn script(request: Request<Incoming>) -> Result<String, Reply> {
    if !is_of(&request, SCRIPT) {
        return Err(wrong_type(SCRIPT));
    }
    String::from_utf8(octets(request).await?)
        .map_err(|_| problem(StatusCode::BAD_REQUEST, "the script is not in UTF-8"))
}

async fn cmdlet(
    session: &Session,
    access: &Access,
    name: &str,
    request: Request<Incoming>,
) -> Result<Task, Reply> {
    let cmdlet = Definition::find(name).map_err(|why| problem(StatusCode::NOT_FOUND, &why))?;
    access.needs(&session.web, cmdlet.role()).map_err(|refusal| refused(&refusal))?;
    if !is_of(&request, PARAMETERS) {
        return Err(wrong_type(PARAMETERS));
    }
    let octets = octets(request).await?;
    if octets.iter().all(u8::is_ascii_whitespace) {
        return Ok(Task::Cmdlet(cmdlet, Map::new()));
    }
    let parameters = serde_json::from_slice(&octets).map_err(|error| {
        let why = format!("the parameters are no JSON object such as {{\"Identity\": \"alice\"}}: {error}");
        problem(StatusCode::BAD_REQUEST, &why)
    })?;
    Ok(Task::Cmdlet(cmdlet, parameters))
}

fn is_of(request: &Request<Incoming>, kind: &str) -> bool {
    let given = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(kind)
}

fn wrong_type(kind: &str) -> Reply {
    problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, &format!("this path takes the Content-Type {kind}"))
}

async fn octets(request: Request<Incoming>) -> Result<Vec<u8>, Reply> {
    let body = Limited::new(request.into_body(), MOST).collect();
    match timeout(ARRIVAL, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes().to_vec()),
        Ok(Err(_)) => {
            let why = format!("more than {MOST} octets are not taken, nor what breaks off");
            Err(problem(StatusCode::PAYLOAD_TOO_LARGE, &why))
        }
        Err(_) => Err(problem(StatusCode::REQUEST_TIMEOUT, "the request did not arrive in time")),
    }
}

/// The way of lines to the client.
struct Lines(mpsc::Sender<Bytes>);

impl Lines {
    async fn send(&self, mut line: String) -> Result<(), Gone> {
        line.push('\n');
        self.0.send(line.into()).await.map_err(|_| Gone)
    }
}

impl Output for Lines {
    fn text<'a>(&'a mut self, channel: Channel, text: &'a str) -> BoxFuture<'a, Result<(), Gone>> {
        Box::pin(async move {
            let kind = match channel {
                Channel::Object => return self.objects(text).await,
                Channel::Output => "text",
                Channel::Warning => "warning",
                Channel::Error => "error",
                Channel::Verbose => "verbose",
            };
            self.send(json!({ "kind": kind, "text": text.trim_end() }).to_string()).await
        })
    }

    fn ask<'a>(&'a mut self, _: &'a Question) -> BoxFuture<'a, Result<String, Gone>> {
        // Nobody is there to answer.
        Box::pin(std::future::ready(Err(Gone)))
    }
}

impl Lines {
    /// Each line is `{"type": ..., "value": ...}` already.
    async fn objects(&self, text: &str) -> Result<(), Gone> {
        for line in text.lines() {
            let rest = line.strip_prefix('{').unwrap_or(line);
            self.send(format!("{{\"kind\":\"object\",{rest}")).await?;
        }
        Ok(())
    }
}

/// A body that runs what makes it as it is read: who reads no more has stopped it.
struct Running {
    run: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    lines: mpsc::Receiver<Bytes>,
}

impl hyper::body::Body for Running {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.run.as_mut().is_some_and(|run| run.as_mut().poll(cx).is_ready()) {
            self.run = None;
        }
        self.lines.poll_recv(cx).map(|line| line.map(|line| Ok(Frame::data(line))))
    }
}
