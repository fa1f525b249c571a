//! The routes of PROTOCOL.md: the worker that answers, work that takes its time, and how the last
//! roll went.

use std::time::{Duration, Instant};

use hyper::{Method, Request, Response, StatusCode, body::Incoming};
use supervisor::http::{self, Body, query_number};

use crate::service::RollService;

pub(crate) fn respond(service: &RollService, request: &Request<Incoming>) -> Response<Body> {
    let query = request.uri().query();
    let time = |default: u64| Duration::from_millis(query_number(query, "ms", default));
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => http::json(StatusCode::OK, &service.name()),
        (&Method::GET, "/slow") => http::slow_json(time(300), service.name()),
        (&Method::GET, "/busy") => {
            burn(time(5));
            http::json(StatusCode::OK, &service.name())
        }
        (&Method::GET, "/roll") => http::json(StatusCode::OK, &service.progress()),
        _ => http::json(StatusCode::NOT_FOUND, &service.name()),
    }
}

/// Keeps the event loop busy, as rendering or parsing does: meanwhile the worker accepts
/// no connection, reads nothing, and hears no order.
fn burn(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        std::hint::spin_loop();
    }
}
