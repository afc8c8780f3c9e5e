//! Ctrl-C, and the signal that service managers send: the first asks to end
//! well, the second ends.

use std::io;

use tokio::sync::oneshot;

/// Exit code of a run that was interrupted, as shells have it.
pub(in super::super) const INTERRUPTED: u8 = 130;

/// Listens from now on. The receiver has the first signal; the second ends the
/// program, whatever it is doing: each record of a journal is written whole, or
/// recognized as torn.
pub(in super::super) fn listen() -> io::Result<oneshot::Receiver<()>> {
    let mut signals = Signals::new()?;
    let (first, received) = oneshot::channel();
    tokio::spawn(async move {
        signals.next().await;
        let _ = first.send(());
        signals.next().await;
        std::process::exit(i32::from(INTERRUPTED));
    });
    Ok(received)
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn new() -> io::Result<Signals> {
        tokio::signal::windows::ctrl_c().map(Signals)
    }

    async fn next(&mut self) {
        let _ = self.0.recv().await;
    }
}
