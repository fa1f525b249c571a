//! The client tells refused from reset from cut off, and the load accounts for every request.
//!
//! Against a server that misbehaves on request: the path says how.

#![expect(clippy::unwrap_used, reason = "a test may panic anywhere")]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::Duration,
};

use harness::{
    ledger::Ledger,
    load::{Clients, Connections, Load},
    wire::{Answer, Connection, Failure},
};

const LIMIT: Duration = Duration::from_secs(20);
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A server for one test. It ends with the test binary.
fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || serve(stream.unwrap()));
        }
    });
    address
}

/// Answers until the client leaves, or the path says otherwise.
fn serve(mut stream: TcpStream) {
    let mut first = [0; 512];
    let Ok(length) = stream.peek(&mut first) else { return };
    let path = String::from_utf8_lossy(&first[..length]).split(' ').nth(1).unwrap().to_owned();
    // A socket that is closed with unread bytes is reset.
    if path == "/reset" {
        return;
    }
    while matches!(stream.read(&mut first), Ok(1..)) {
        let (answer, goes_on): (&[u8], bool) = match path.as_str() {
            "/close" => (b"", false),
            "/cut" => (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this", false),
            "/cut-head" => (b"HTTP/1.1 200 OK\r\nContent-", false),
            "/cut-chunk" => {
                (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", false)
            }
            "/chunked" => {
                (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", true)
            }
            "/says-close" => {
                (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", false)
            }
            "/503" => (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", true),
            "/garbage" => (b"SSH-2.0-OpenSSH\r\n\r\n", false),
            "/closes-idle" => (OK, false),
            "/silent" => (b"", true),
            _ => (OK, true),
        };
        let _ = stream.write_all(answer);
        if !goes_on {
            return;
        }
    }
}

fn get(path: &str) -> Result<Answer, Failure> {
    Connection::open(server(), LIMIT)?.get(path)
}

fn load(path: &'static str, connections: Connections, requests: usize) -> Ledger {
    let clients = Clients { number: 3, connections, path, pause: Duration::from_millis(1) };
    let load = Load::start(server(), &[clients]);
    assert!(load.wait_for(requests, LIMIT), "the load gets nowhere");
    let [ledger] = load.finish().try_into().expect("one phase");
    assert!(ledger.balances());
    ledger
}

#[test]
fn a_whole_answer_is_told_from_each_kind_of_failure() {
    let answer = |status, closes, body: &str| Answer {
        status,
        closes,
        retry_after: None,
        set_cookie: None,
        body: body.to_owned(),
    };
    assert_eq!(get("/fast"), Ok(answer(200, false, "ok")));
    assert_eq!(get("/chunked"), Ok(answer(200, false, "ok")));
    assert_eq!(get("/says-close"), Ok(answer(200, true, "ok")));
    assert_eq!(get("/503"), Ok(answer(503, false, "")));
    assert_eq!(get("/reset"), Err(Failure::Reset));
    assert_eq!(get("/close"), Err(Failure::Closed));
    for path in ["/cut", "/cut-head", "/cut-chunk"] {
        assert_eq!(get(path), Err(Failure::Truncated), "{path}");
    }
    assert!(matches!(get("/garbage"), Err(Failure::Malformed(_))));
}

#[test]
fn a_closed_port_is_refused_and_silence_is_timed_out() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(matches!(Connection::open(gone, LIMIT), Err(Failure::Refused)));
    let limit = Duration::from_millis(50);
    let silent = Connection::open(server(), limit).unwrap().get("/silent");
    assert_eq!(silent, Err(Failure::TimedOut(limit)));
}

#[test]
fn every_outcome_is_counted_once() {
    let all_of = |ledger: Ledger| (ledger.sent, ledger);
    let (sent, ledger) = all_of(load("/fast", Connections::KeptAlive, 200));
    assert_eq!((ledger.answered[&200], ledger.lost(), ledger.retried), (sent, 0, 0));
    let (sent, ledger) = all_of(load("/fast", Connections::OnePerRequest, 200));
    assert_eq!((ledger.answered[&200], ledger.lost()), (sent, 0));
    let (sent, ledger) = all_of(load("/503", Connections::KeptAlive, 20));
    assert_eq!((ledger.answered[&503], ledger.lost()), (sent, 0));
    let (sent, ledger) = all_of(load("/reset", Connections::OnePerRequest, 20));
    assert_eq!((ledger.reset, ledger.lost()), (sent, sent));
    let (sent, ledger) = all_of(load("/cut", Connections::KeptAlive, 20));
    assert_eq!((ledger.truncated, ledger.lost()), (sent, sent));
}

/// A request on a connection that the server closed while it was idle isn't a loss: it is sent
/// again on a fresh one. The same on a fresh connection is a loss.
#[test]
fn an_idle_connection_that_was_closed_is_not_a_loss() {
    let ledger = load("/closes-idle", Connections::KeptAlive, 200);
    assert_eq!((ledger.answered[&200], ledger.lost()), (ledger.sent, 0));
    let ledger = load("/close", Connections::KeptAlive, 20);
    assert_eq!((ledger.reset, ledger.retried), (ledger.sent, 0));
}

/// The server closes after it has read the second request: the client could not have known.
#[test]
fn a_request_that_meets_a_closing_connection_is_retried_and_counted_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 512];
            if matches!(stream.read(&mut request), Ok(1..)) && stream.write_all(OK).is_ok() {
                let _ = stream.read(&mut request);
            }
        }
    });
    let clients = Clients {
        number: 1,
        connections: Connections::KeptAlive,
        path: "/",
        pause: Duration::from_millis(1),
    };
    let load = Load::start(address, &[clients]);
    assert!(load.wait_for(50, LIMIT));
    let ledger = load.finish().remove(0);
    assert!(ledger.balances());
    assert_eq!((ledger.answered[&200], ledger.lost()), (ledger.sent, 0));
    assert_eq!(ledger.retried, ledger.sent - 1);
}

/// The listener drops three connections when it closes, as the kernel does with those in its queue.
#[test]
fn what_a_closing_listener_drops_is_turned_away_and_not_lost() {
    let phases = |begin: fn(&Load)| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (ask, asked) = channel();
        let (open, is_open) = channel::<()>();
        thread::spawn(move || {
            while asked.try_recv().is_err() {
                serve(listener.accept().unwrap().0);
            }
            for _ in 0..3 {
                let dropped = listener.accept().unwrap().0;
                // A socket that is closed with unread bytes is reset.
                dropped.peek(&mut [0]).unwrap();
            }
            drop((listener, open));
        });
        let load = Load::start(address, &[Clients::new(1, Connections::OnePerRequest, "/fast", 1)]);
        assert!(load.wait_for(20, LIMIT));
        begin(&load);
        ask.send(()).unwrap();
        let _ = is_open.recv_timeout(LIMIT);
        assert!(load.wait_for(load.finished() + 20, LIMIT));
        load.finish()
    };
    let draining = &phases(Load::next_phase_drains)[1];
    assert_eq!((draining.dropped, draining.lost()), (3, 0), "{draining}");
    assert!(draining.balances() && draining.to_string().contains("(3 by a reset) + 0 lost"));
    let rolling = &phases(Load::next_phase)[1];
    assert_eq!((rolling.dropped, rolling.lost()), (0, 3), "{rolling}");
}

#[test]
fn a_request_belongs_to_the_phase_in_which_it_was_sent() {
    let (arrived, arrivals): (Sender<()>, Receiver<()>) = channel();
    let (release, released): (Sender<()>, Receiver<()>) = channel();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut request = [0; 512];
        while matches!(stream.read(&mut request), Ok(1..)) {
            arrived.send(()).unwrap();
            released.recv().unwrap();
            stream.write_all(OK).unwrap();
        }
    });
    let clients = Clients {
        number: 1,
        connections: Connections::KeptAlive,
        path: "/",
        pause: Duration::from_millis(1),
    };
    let load = Load::start(address, &[clients]);
    arrivals.recv_timeout(LIMIT).unwrap();
    load.next_phase();
    release.send(()).unwrap();
    arrivals.recv_timeout(LIMIT).unwrap();
    release.send(()).unwrap();
    assert!(load.wait_for(2, LIMIT));
    drop(release);
    let [before, after] = <[Ledger; 2]>::try_from(load.finish()).expect("two phases");
    assert_eq!(before.sent, 1, "it was sent in the first phase, and answered in the second");
    assert!(after.sent >= 1);
}
