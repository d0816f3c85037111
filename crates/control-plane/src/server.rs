//! The HTTP server: one thread that reads and writes, and threads for the calls themselves.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::config::ApiConfig;
use crate::front::{Access, Answer, Call, Front, Protocol, Refusal, refused, request_id};
use crate::{ApiError, Operations};

/// The largest body of a request, in bytes. The largest that means anything has two certificates of 20,000 characters.
pub const MAX_BODY: usize = 1024 * 1024;
/// The largest head of a request, in bytes.
const MAX_HEAD: usize = 32 * 1024;
/// The most headers of a request.
const MAX_HEADERS: usize = 64;
/// How long a head may take, and how long a connection may be idle.
const HEAD_TIME: Duration = Duration::from_secs(20);
/// How long a body may take.
const BODY_TIME: Duration = Duration::from_secs(10);
/// How long a connection may last; clients make another.
const CONNECTION_TIME: Duration = Duration::from_secs(10 * 60);
/// How long calls may take that are under way when the server stops.
const STOP_TIME: Duration = Duration::from_secs(10);
/// The most connections.
const MAX_CONNECTIONS: usize = 256;
/// The most calls at a time; more wait.
const MAX_CALLS: usize = 32;

/// Limits that tests shorten.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long a head may take, and how long a connection may be idle.
    pub head_time: Duration,
    /// How long a body may take.
    pub body_time: Duration,
    /// The most connections.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head_time: HEAD_TIME, body_time: BODY_TIME, connections: MAX_CONNECTIONS }
    }
}

/// The control plane's server. It stops when it's dropped.
#[derive(Debug)]
pub struct ApiServer {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// Why the server didn't start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The configuration can't be meant so.
    #[error("{0}")]
    Config(String),
    /// The address can't be listened on.
    #[error("the control plane can't listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The system gave no thread.
    #[error("the control plane can't start: {0}")]
    Thread(#[from] io::Error),
}

impl ApiServer {
    /// Listens, and answers calls in the background.
    ///
    /// # Errors
    ///
    /// [`StartError`] says what to change.
    pub fn start(config: ApiConfig, operations: Arc<dyn Operations>) -> Result<Self, StartError> {
        Self::start_with(config, operations, Limits::default())
    }

    /// [`ApiServer::start`] with other limits.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn start_with(
        config: ApiConfig,
        operations: Arc<dyn Operations>,
        limits: Limits,
    ) -> Result<Self, StartError> {
        if let Some(problem) = config.problem() {
            return Err(StartError::Config(problem));
        }
        let cannot = |source| StartError::Listen { address: config.listen, source };
        let listener = std::net::TcpListener::bind(config.listen).map_err(cannot)?;
        listener.set_nonblocking(true).map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(MAX_CALLS).build()?;
        let (stop, stopped) = watch::channel(false);
        let front = Arc::new(Front::new(Access::new(config), operations));
        let thread = std::thread::Builder::new()
            .name("control-plane".to_owned())
            .spawn(move || run(runtime, listener, &front, limits, stopped))?;
        Ok(Self { address, stop, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more calls, and returns when those under way have been answered, or after some seconds.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(
    runtime: Runtime,
    listener: std::net::TcpListener,
    front: &Arc<Front>,
    limits: Limits,
    stopped: watch::Receiver<bool>,
) {
    runtime.block_on(async {
        match TcpListener::from_std(listener) {
            Ok(listener) => accept(&listener, front, limits, stopped).await,
            Err(error) => tracing::error!(%error, "the control plane can't listen"),
        }
    });
    runtime.shutdown_timeout(STOP_TIME);
}

async fn accept(
    listener: &TcpListener,
    front: &Arc<Front>,
    limits: Limits,
    mut stopped: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => break,
            Some(_) = connections.join_next() => continue,
        };
        match (stream, Arc::clone(&places).try_acquire_owned()) {
            (Ok((stream, _)), Ok(place)) => {
                let (front, stopped) = (Arc::clone(front), stopped.clone());
                connections.spawn(async move {
                    converse(stream, front, limits, stopped).await;
                    drop(place);
                });
            }
            (Ok((stream, _)), Err(_)) => turn_away(&stream),
            (Err(error), _) => {
                // Such as too many open files: it passes, and must not make this loop spin.
                tracing::warn!(%error, "the control plane can't accept a connection");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
    let _ = timeout(STOP_TIME, async { while connections.join_next().await.is_some() {} }).await;
}

fn turn_away(stream: &TcpStream) {
    tracing::warn!("the control plane has as many connections as it may");
    let _ = stream
        .try_write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

async fn converse(stream: TcpStream, front: Arc<Front>, limits: Limits, mut stopped: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let front = Arc::clone(&front);
        async move { Ok::<_, Infallible>(serve(request, front, limits).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_header_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        result = connection.as_mut() => {
            if let Err(error) = result {
                tracing::debug!(%error, "a connection to the control plane broke");
            }
            return;
        }
        _ = stopped.wait_for(|stopped| *stopped) => {}
        () = sleep(CONNECTION_TIME) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(STOP_TIME, connection).await;
}

async fn serve(request: Request<Incoming>, front: Arc<Front>, limits: Limits) -> Response<Full<Bytes>> {
    let id = request_id();
    let protocol = Protocol::of(request.uri().path(), request.headers());
    let (head, body) = request.into_parts();
    let body = match read(&head, body, limits).await {
        Ok(body) => body,
        Err(refusal) => return response(refused(protocol, &refusal), &id, true),
    };
    let name = id.clone();
    let answered = tokio::task::spawn_blocking(move || {
        let call = Call {
            method: head.method.as_str(),
            path: head.uri.path(),
            query: head.uri.query(),
            headers: &head.headers,
            body: &body,
        };
        front.answer(&call, &name)
    });
    let answer = answered.await.unwrap_or_else(|_| {
        let failure = ApiError::internal("The control plane failed; its log says where.");
        refused(protocol, &Refusal::from(failure))
    });
    response(answer, &id, false)
}

/// Reads a body, if it isn't too large.
async fn read(head: &hyper::http::request::Parts, body: Incoming, limits: Limits) -> Result<Bytes, Refusal> {
    let too_large = || {
        Refusal::new(
            413,
            "RequestEntityTooLargeException",
            format!("A request's body has at most {MAX_BODY} bytes."),
        )
    };
    let announced =
        head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > MAX_BODY as u64) {
        return Err(too_large());
    }
    match timeout(limits.body_time, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Refusal::new(400, "SerializationException", "The body ends too early.")),
        Err(_) => Err(Refusal::new(408, "RequestTimeoutException", "The body took too long to arrive.")),
    }
}

fn response(answer: Answer, id: &str, close: bool) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.protocol.content_type()));
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert("x-amzn-requestid", id);
    }
    if answer.protocol == Protocol::Cbor {
        headers.insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
    }
    if let Some(error) = answer.error {
        headers.insert("x-amzn-errortype", HeaderValue::from_static(error));
    }
    if close {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
