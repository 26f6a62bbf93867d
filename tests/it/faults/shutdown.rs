//! SIGTERM: what was accepted is finished, and the next start finds everything in order.

use crate::harness::{Account, Config, Load, Raw, Reply, Service, eventually, request};

/// No connection with a request on it is cut off; each answer that came is a token, and the books
/// have exactly these.
#[test]
fn requests_under_way_are_finished() {
    for _ in 0..3 {
        let mut service = Config::new().start();
        let account = Account::open(&service, "acme", 100_000);
        let load = Load::begin(service.address(), &account.bearer(), 8);
        eventually("some are answered", || load.answered() > 50);
        service.terminate();
        let status = service.ended();
        assert!(status.success(), "{status}\n{}", service.log());
        let answers = load.end();
        let granted = answers.iter().filter(|answer| answer.status == 200).count() as u64;
        assert_eq!(granted as usize, answers.len(), "all that was answered was granted");
        service.start();
        let (remaining, used) = account.balance(&service);
        assert_eq!(remaining + used, 100_000);
        assert_eq!(used, granted, "an answer was cut off");
        account.check_statement_totals(&service, used);
    }
}

/// A request whose body is still on its way at the signal is answered.
#[test]
fn a_body_on_its_way_is_waited_for() {
    let mut service = Service::demo();
    let request = request::fresh();
    let mut connection = Raw::connect(service.address());
    let bearer = format!("Bearer {}", crate::harness::DEMO_KEY);
    connection.write(Raw::post_head("/tsa", &bearer, request.len()).as_bytes()).unwrap();
    connection.write(&request[..10]).unwrap();
    // The head has to be there before the signal: an answer on another connection tells.
    service.client().get("/healthz").status(200);
    std::thread::sleep(std::time::Duration::from_millis(200));
    service.terminate();
    std::thread::sleep(std::time::Duration::from_millis(200));
    connection.write(&request[10..]).unwrap();
    let answer = connection.answer().unwrap();
    assert_eq!(answer.status, 200);
    assert!(Reply::read(&answer.body).is_granted());
    assert!(service.ended().success());
}

/// An end without any request, and one right after the start.
#[test]
fn an_idle_service_ends_at_once() {
    let mut service = Service::demo();
    let _idle = Raw::connect(service.address());
    service.restart();
    service.restart();
    assert_eq!(service.demo_client().balance(), (100, 0));
}
