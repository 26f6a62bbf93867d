//! Each phase has its deadline, and nothing but its own events moves it.

use super::*;
use std::io::Read;
use std::net::TcpStream;

/// Waiting 65 s, serving 35 s.
fn deadlines() -> Deadlines {
    let s = Duration::from_secs;
    Deadlines::new(s(60), s(5), s(5))
}

struct Scene {
    connections: Connections,
    connection: Arc<Connection>,
    client: TcpStream,
    server: Option<TcpStream>,
    start: Instant,
}

impl Scene {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let (server, _peer) = listener.accept().unwrap();
        let connections = Connections::new(deadlines());
        let start = Instant::now();
        let connection = connections.watch(server.as_fd(), false, start).unwrap();
        Self { connections, connection, client, server: Some(server), start }
    }

    fn at(&self, seconds: f64) -> Instant {
        self.start + Duration::from_secs_f64(seconds)
    }

    /// The connection stands until `seconds` after the start, and not longer.
    fn ends_at(&mut self, seconds: f64) {
        assert_eq!(self.connections.sweep(self.at(seconds - 0.01)), 0, "ended before {seconds} s");
        assert_eq!(self.connections.sweep(self.at(seconds)), 1, "not ended at {seconds} s");
        assert_eq!(self.client.read(&mut [0]).unwrap(), 0, "the client is not told");
        assert_eq!(self.connections.sweep(self.at(seconds + 100.0)), 0, "ended twice");
    }
}

#[test]
fn a_connection_without_a_request_ends() {
    Scene::new().ends_at(65.0);
}

#[test]
fn a_request_without_an_answer_ends() {
    let mut scene = Scene::new();
    scene.connection.begun(false, scene.at(50.0));
    scene.ends_at(85.0);
}

#[test]
fn reading_the_body_does_not_move_the_deadline() {
    let mut scene = Scene::new();
    scene.connection.begun(true, scene.at(1.0));
    scene.connection.body_read();
    scene.ends_at(36.0);
}

#[test]
fn after_an_answer_there_is_time_for_the_next_request() {
    let mut scene = Scene::new();
    for second in [10.0, 74.0, 138.0] {
        assert_eq!(scene.connections.sweep(scene.at(second)), 0);
        scene.connection.begun(true, scene.at(second));
        scene.connection.body_read();
        assert_eq!(scene.connection.answered(false, scene.at(second + 0.5)), Next::Request);
    }
    scene.ends_at(203.5);
}

#[test]
fn after_an_unread_body_nothing_keeps_the_connection() {
    let mut scene = Scene::new();
    scene.connection.begun(true, scene.at(1.0));
    assert_eq!(scene.connection.answered(false, scene.at(2.0)), Next::Close);
    // What is pipelined behind it changes nothing.
    scene.connection.begun(false, scene.at(2.5));
    scene.connection.body_read();
    assert_eq!(scene.connection.answered(true, scene.at(2.6)), Next::Close);
    scene.ends_at(3.0);
}

#[test]
fn a_stream_has_no_end_but_its_own() {
    let scene = Scene::new();
    scene.connection.begun(false, scene.at(1.0));
    assert_eq!(scene.connection.answered(true, scene.at(2.0)), Next::Close);
    assert_eq!(scene.connections.sweep(scene.at(1e6)), 0);
}

#[test]
fn a_stream_with_an_unread_body_ends() {
    let mut scene = Scene::new();
    scene.connection.begun(true, scene.at(1.0));
    assert_eq!(scene.connection.answered(true, scene.at(2.0)), Next::Close);
    scene.ends_at(3.0);
}

/// The second descriptor does not keep open what the server has closed.
#[test]
fn a_closed_connection_is_forgotten() {
    let mut scene = Scene::new();
    let connection = Arc::downgrade(&scene.connection);
    drop(scene.server.take());
    let own = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = TcpStream::connect(own.local_addr().unwrap()).unwrap();
    let other = scene.connections.watch(other.as_fd(), false, scene.start).unwrap();
    scene.connection = other;
    assert!(connection.upgrade().is_none());
    assert_eq!(scene.client.read(&mut [0]).unwrap(), 0);
    assert_eq!(scene.connections.sweep(scene.start), 0);
    assert_eq!(scene.connections.open.lock().len(), 1);
}

#[test]
fn a_state_is_read_as_it_was_written() {
    for phase in Phase::ALL {
        for since in [0, 1, 86_400_000, u64::MAX >> Phase::BITS] {
            assert_eq!(unpack(pack(phase, since)), (phase, since));
        }
    }
}

/// Connections take the kernel's deadline from the listener.
#[test]
fn the_listener_hands_its_limit_on() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    limit_unacknowledged(&listener).unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _peer) = listener.accept().unwrap();
    assert_eq!(sockopt::tcp_user_timeout(&server).unwrap(), 30_000);
}
