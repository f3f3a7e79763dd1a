use std::{
    io::Write as _,
    net::SocketAddr,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    net::{TcpListener, TcpStream, UdpSocket},
    signal::unix::{SignalKind, signal},
    task::{LocalSet, spawn_local},
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use super::{Outcome, Sample, Wish, volume::write_and_read};

/// The environment variable that holds the wish.
pub(super) const WISH: &str = "SOMA_CONFORMANCE_VANTAGE";

/// The program of a probe pod: connects to every address of its wish again and again, and writes a line for each
/// attempt. It holds no credential, asks no name server, and ends by itself.
#[must_use]
pub fn run_vantage() -> ExitCode {
    let wish = std::env::var(WISH).ok().and_then(|text| serde_json::from_str::<Wish>(&text).ok());
    let Some(wish) = wish else {
        eprintln!("error: {WISH} holds no wish\n\nhint: probe pods are started by `soma-conformance run`, not by hand");
        return ExitCode::from(3);
    };
    if let Some((folder, text)) = &wish.folder {
        return write_and_read(std::path::Path::new(folder), text);
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no runtime: {error}");
            return ExitCode::from(2);
        }
    };
    // One thread does for it all.
    LocalSet::new().block_on(&runtime, serve(wish))
}

async fn serve(wish: Wish) -> ExitCode {
    if let Some(port) = wish.listen {
        let listener = match TcpListener::bind(("0.0.0.0", port)).await {
            Ok(listener) => listener,
            Err(error) => {
                eprintln!("error: port {port} cannot be listened on: {error}");
                return ExitCode::from(2);
            }
        };
        // Accepting is all there is to it: a connection that came about is what the others ask for.
        spawn_local(async move { while listener.accept().await.is_ok() {} });
    }
    let sequence = Arc::new(AtomicU64::new(0));
    for to in wish.to.iter().filter_map(|to| to.parse::<SocketAddr>().ok()) {
        let (every, bound) = (Duration::from_millis(wish.every_ms), Duration::from_millis(wish.timeout_ms));
        spawn_local(sample(to, every, bound, Arc::clone(&sequence)));
    }
    for server in wish.ask.iter().filter_map(|server| server.parse::<SocketAddr>().ok()) {
        let (every, bound) = (Duration::from_millis(wish.every_ms), Duration::from_millis(wish.timeout_ms));
        spawn_local(question(server, every, bound, Arc::clone(&sequence)));
    }
    // Process 1 of a pod gets no default handling of signals.
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return ExitCode::from(2);
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
        () = tokio::time::sleep(Duration::from_secs(wish.ends_after_s)) => {}
    }
    ExitCode::SUCCESS
}

async fn sample(to: SocketAddr, every: Duration, bound: Duration, sequence: Arc<AtomicU64>) {
    let attempt = async || TcpStream::connect(to).await.map(drop);
    again_and_again(to.to_string(), every, bound, &sequence, attempt).await;
}

/// Asks a name server; any answer to this very question counts, also that there is no such name.
async fn question(server: SocketAddr, every: Duration, bound: Duration, sequence: Arc<AtomicU64>) {
    let attempt = async || {
        let socket = UdpSocket::bind(if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).await?;
        socket.connect(server).await?;
        let number = u16::try_from(Timestamp::now().as_microsecond() & 0xffff).unwrap_or(1);
        socket.send(&query(number)).await?;
        let mut answer = [0; 512];
        loop {
            let length = socket.recv(&mut answer).await?;
            if length >= 12 && answer[..2] == number.to_be_bytes() {
                return Ok(());
            }
        }
    };
    again_and_again(over_udp(&server.to_string()), every, bound, &sequence, attempt).await;
}

async fn again_and_again(
    to: String,
    every: Duration,
    bound: Duration,
    sequence: &AtomicU64,
    attempt: impl AsyncFn() -> std::io::Result<()>,
) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (at_ms, begun) = (Timestamp::now().as_millisecond(), Instant::now());
        let outcome = match timeout(bound, attempt()).await {
            Ok(Ok(())) => Outcome::Connected,
            Ok(Err(error)) => Outcome::of(&error),
            Err(_) => Outcome::TimedOut,
        };
        let sample = Sample {
            seq: sequence.fetch_add(1, Ordering::Relaxed),
            to: to.clone(),
            at_ms,
            outcome,
            took_us: u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX),
        };
        // One line, one write, at once: whoever reads our log compares within the second.
        if let Ok(line) = serde_json::to_string(&sample) {
            let _ = std::io::stdout().lock().write_all(format!("{line}\n").as_bytes());
        }
    }
}

/// How a name server that is asked over UDP is called in a sample.
pub(super) fn over_udp(server: &str) -> String {
    format!("udp/{server}")
}

/// One question of DNS: the address of `kubernetes.default.svc.cluster.local.` Source: RFC 1035, section 4.
fn query(number: u16) -> Vec<u8> {
    let mut message = number.to_be_bytes().to_vec();
    // Recursion is desired, one question, nothing else.
    message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in ["kubernetes", "default", "svc", "cluster", "local"] {
        message.push(u8::try_from(label.len()).unwrap_or(0));
        message.extend(label.as_bytes());
    }
    // The root, type A, class IN.
    message.extend([0, 0, 1, 0, 1]);
    message
}
