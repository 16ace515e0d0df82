//! A TCP connection that can be told to misbehave.
//!
//! A handler cannot break its own connection. So each connection has a script, which the request being served
//! may set. The script resets, cuts, slows down or stalls the bytes that are written next. It never looks at
//! them.

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use std::future::Future as _;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};

/// What happens to the bytes of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    /// The bytes are sent.
    Send,
    /// The connection is reset before the first byte.
    Reset,
    /// The connection is closed after this many bytes, without a reset.
    CutAfter(usize),
    /// At most this many bytes are sent at a time, with a pause before each time.
    Trickle(usize, Duration),
    /// After this many bytes nothing is sent for this long, then the connection is reset.
    StallAfter(usize, Duration),
}

/// A handle by which a request sets the script of its own connection.
#[derive(Clone)]
pub(crate) struct Wire(Arc<Mutex<Script>>);

impl Wire {
    pub(crate) fn follow(&self, script: Script) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = script;
    }

    fn script(&self) -> Script {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connected<IncomingStream<'_, Doorway>> for Wire {
    fn connect_info(stream: IncomingStream<'_, Doorway>) -> Wire {
        stream.io().wire.clone()
    }
}

/// A listener that accepts scripted connections.
pub(crate) struct Doorway {
    listener: TcpListener,
    closing: Arc<AtomicBool>,
}

impl Doorway {
    pub(crate) fn new(listener: TcpListener, closing: Arc<AtomicBool>) -> Doorway {
        Doorway { listener, closing }
    }
}

impl Listener for Doorway {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // Small answers are sent at once: otherwise they wait for the client's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let wire = Wire(Arc::new(Mutex::new(Script::Send)));
        (Line { stream, wire, pause: None, closing: Arc::clone(&self.closing) }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A scripted connection.
pub(crate) struct Line {
    stream: TcpStream,
    wire: Wire,
    pause: Option<Pin<Box<Sleep>>>,
    closing: Arc<AtomicBool>,
}

/// How often a stalled connection checks whether the sandbox is closing.
const LOOK: Duration = Duration::from_millis(50);

impl Line {
    fn reset(&self) -> Poll<io::Result<usize>> {
        // Without lingering, the client sees a reset and not an orderly end.
        let _ = self.stream.set_zero_linger();
        Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
    }

    fn send(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn wait(&mut self, cx: &mut Context<'_>, pause: Duration) -> Poll<()> {
        let sleeping = self.pause.get_or_insert_with(|| Box::pin(sleep(pause)));
        ready!(sleeping.as_mut().poll(cx));
        self.pause = None;
        Poll::Ready(())
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let line = self.get_mut();
        loop {
            match line.wire.script() {
                Script::Send => return line.send(cx, bytes),
                Script::Reset => return line.reset(),
                Script::CutAfter(0) => {
                    // An orderly end in the middle of a body, as when a server restarts.
                    return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
                }
                Script::CutAfter(left) => {
                    let sent = ready!(line.send(cx, &bytes[..bytes.len().min(left)]))?;
                    line.wire.follow(Script::CutAfter(left - sent));
                    return Poll::Ready(Ok(sent));
                }
                Script::Trickle(size, pause) => {
                    ready!(line.wait(cx, pause));
                    return line.send(cx, &bytes[..bytes.len().min(size)]);
                }
                Script::StallAfter(0, left) => {
                    if left.is_zero() || line.closing.load(Ordering::Relaxed) {
                        return line.reset();
                    }
                    ready!(line.wait(cx, LOOK));
                    line.wire.follow(Script::StallAfter(0, left.saturating_sub(LOOK)));
                }
                Script::StallAfter(left, stall) => {
                    let sent = ready!(line.send(cx, &bytes[..bytes.len().min(left)]))?;
                    line.wire.follow(Script::StallAfter(left - sent, stall));
                    return Poll::Ready(Ok(sent));
                }
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buffer)
    }
}
