//! Runs the service: opens it, listens, waits for the end, closes it.

use crate::cli::ServiceError;
use crate::config::Config;
use crate::connections::{self, Connections, Deadlines};
use crate::delivery::{self, Delivery};
use crate::http;
use crate::service::{Service, watch};
use crate::{log, tls};
use actix_web::dev::{Extensions, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::rt::System;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{App, HttpServer};
use std::any::Any;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::StoreError;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

/// What `marca config default` prints.
pub(crate) const DEFAULT_CONFIG: &str = crate::config::DEFAULT;

/// `marca serve`
pub(crate) fn run(path: &Path) -> Result<(), ServiceError> {
    let config = Config::load(path)?;
    let _log = log::start(&config.log);
    refuse_demo_data(&config.data.directory)?;
    let (listener, _address) = bind(&config)?;
    let service = Service::open(&config)?;
    run_with(&config, listener, service, |_| {}, |url| tell_ready(&url))
}

/// The demo's secrets are known to everybody, so its accounts must not serve for real.
fn refuse_demo_data(directory: &Path) -> Result<(), ServiceError> {
    if directory.join(crate::demo::MARKER).exists() {
        return Err(format!(
            "data.directory {} was made by `marca demo`, whose password and API key everybody \
             knows; use another directory",
            directory.display()
        )
        .into());
    }
    Ok(())
}

/// `marca config check`
pub(crate) fn check_config(path: &Path) -> Result<(), ServiceError> {
    let config = Config::load(path)?;
    if let Some(tls) = &config.tls {
        drop(tls::acceptor(tls)?);
    }
    // Secrets of relays and gateways are read, as a start reads them.
    drop(Delivery::new(&config)?);
    Ok(())
}

/// Takes the address before anything is opened, so that a second start fails early and by name.
pub(crate) fn bind(config: &Config) -> Result<(TcpListener, SocketAddr), ServiceError> {
    let wanted = config.server.listen;
    let failed = |error: std::io::Error| {
        format!("cannot listen on {wanted}: {error}; is another service there? Choose another port")
    };
    let listener = TcpListener::bind(wanted).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// The line that scripts wait for.
pub(crate) fn tell_ready(url: &str) {
    tell(&format!("ready: {url}\n"));
}

/// Writes to standard output. Nobody may be listening there: the service goes on without.
pub(crate) fn tell(text: &str) {
    let mut out = std::io::stdout();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if let Err(error) = written {
        tracing::warn!(%error, "standard output cannot be written");
    }
}

/// Serves until a signal ends it or the store stops. `pages` are routes of this mode alone; `ready`
/// gets the address when it answers.
pub(crate) fn run_with(
    config: &Config,
    listener: TcpListener,
    service: Service,
    pages: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ready: impl FnOnce(String),
) -> Result<(), ServiceError> {
    let service = Data::new(service);
    let outcome = System::new().block_on(serve(config, listener, service.clone(), pages, ready));
    // A store that has stopped by itself says so in `outcome`; closing it says so again.
    let closed = service.close();
    outcome?;
    closed?;
    tracing::info!("closed");
    Ok(())
}

async fn serve(
    config: &Config,
    listener: TcpListener,
    service: Data<Service>,
    pages: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ready: impl FnOnce(String),
) -> Result<(), ServiceError> {
    let address = listener.local_addr()?;
    let server = &config.server;
    let workers = server.worker_threads();
    let shared = service.clone();
    let app = move || {
        App::new()
            .app_data(shared.clone())
            .wrap(from_fn(http::acts::record))
            .wrap(from_fn(http::access::log))
            .configure(http::routes)
            .configure(pages.clone())
    };
    let keep_alive = Duration::from_secs(server.keep_alive_s);
    let head_timeout = Duration::from_millis(server.head_timeout_ms);
    let body_timeout = Duration::from_millis(server.body_timeout_ms);
    let deadlines = Deadlines::new(keep_alive, head_timeout, body_timeout);
    let watched = Arc::new(Connections::new(deadlines));
    connections::limit_unacknowledged(&listener)?;
    connections::provide_descriptors(server.max_connections);
    let sweeping = actix_web::rt::spawn(Arc::clone(&watched).keep_sweeping());
    let builder = HttpServer::new(app)
        .workers(workers)
        .max_connections(server.max_connections.div_ceil(workers))
        .keep_alive(keep_alive)
        .client_request_timeout(head_timeout)
        .client_disconnect_timeout(Duration::from_secs(1))
        .shutdown_timeout(server.shutdown_s)
        .on_connect(move |connection, data| {
            tls::note_client(connection, data);
            set_deadlines(&watched, connection, data);
        })
        .disable_signals();
    let (builder, scheme) = match &config.tls {
        Some(tls) => (builder.listen_openssl(listener, tls::acceptor(tls)?)?, "https"),
        None => (builder.listen(listener)?, "http"),
    };
    crate::service::begin(&service.clone().into_inner()).await;
    // Signals are caught before anybody is told to go on.
    let signals = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let running = builder.run();
    let handle = running.handle();
    let running = actix_web::rt::spawn(running);
    let delivering = actix_web::rt::spawn(delivery::run(service.clone().into_inner()));
    let ending = actix_web::rt::spawn(end(service.into_inner(), handle, signals));
    answers(address).await;
    tracing::info!(%address, workers, "listening");
    ready(format!("{scheme}://{address}"));
    running.await??;
    sweeping.abort();
    finish_delivery(delivering, Duration::from_secs(server.shutdown_s)).await;
    match ending.await {
        Ok(Some(error)) => Err(error.into()),
        Ok(None) => Ok(()),
        Err(error) => Err(format!("the service ended by a fault of its own: {error}").into()),
    }
}

/// Waits for the messages that are under way. One that takes longer goes out again after the next
/// start: what became of it is not written.
async fn finish_delivery(mut delivering: JoinHandle<()>, limit: Duration) {
    match tokio::time::timeout(limit, &mut delivering).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "delivery ended by a fault of its own"),
        Err(_elapsed) => delivering.abort(),
    }
}

/// Gives a new connection its deadlines.
fn set_deadlines(connections: &Connections, connection: &dyn Any, data: &mut Extensions) {
    let Some((socket, encrypted)) = tls::socket(connection) else { return };
    match connections.watch(socket, encrypted, Instant::now()) {
        Ok(watched) => drop(data.insert(watched)),
        Err(error) => tracing::warn!(%error, "a connection is refused: no descriptor for it"),
    }
}

/// Waits until the server takes connections, some seconds at the most.
async fn answers(address: SocketAddr) {
    for _try in 0..100 {
        if tokio::net::TcpStream::connect(address).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits for a signal or for the end of the store, then stops the server: after a signal the
/// requests under way are finished, after a disk error nothing is.
async fn end(
    service: Arc<Service>,
    handle: ServerHandle,
    (mut terminate, mut interrupt): (Signal, Signal),
) -> Option<StoreError> {
    let watching = watch(Arc::clone(&service));
    let stopped = tokio::select! {
        _signal = terminate.recv() => None,
        _signal = interrupt.recv() => None,
        error = watching => Some(error),
    };
    service.limits.end();
    service.delivery.end();
    match &stopped {
        None => tracing::info!("ending: requests under way are finished first"),
        Some(error) => tracing::error!(%error, "ending"),
    }
    handle.stop(stopped.is_none()).await;
    stopped
}
