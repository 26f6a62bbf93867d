//! Time that can be trusted: every state of the clock, seen from outside.
//!
//! The service asks NTP servers on loopback that do what the test wants. It never sets a clock,
//! and neither does a test: what moves is what the servers say.

use crate::harness::{Account, Chrony, Config, NtpServer, Reply, Service, eventually, request};
use serde_json::Value;

/// A service that asks these servers every second, with units of 1 s and of 100 ms.
fn asking(addresses: &[&str], min_agree: usize) -> Service {
    let servers: Vec<String> = addresses.iter().map(|address| format!("\"{address}\"")).collect();
    let section = format!(
        "[time]\nservers = [{}]\nmin_agree = {min_agree}\npoll_s = 1\n",
        servers.join(", ")
    );
    Config::new().section(section).start()
}

fn status(service: &Service) -> Value {
    service.admin().get("/api/v1/admin/time").status(200).json()
}

#[track_caller]
fn reaches(service: &Service, state: &str) {
    eventually(&format!("the clock is {state}"), || status(service)["state"] == state);
}

fn standing(service: &Service, server: &str) -> String {
    let status = status(service);
    let sources = status["sources"].as_array().unwrap().clone();
    let found = sources.iter().find(|source| source["server"] == server).unwrap();
    found["standing"].as_str().unwrap().to_owned()
}

/// C3: with the clock trusted there is a token; without, timeNotAvailable (14), no stamp taken,
/// and the service is not ready.
#[track_caller]
fn issues(service: &Service, account: &Account, expected: bool) {
    let before = account.balance(service);
    let answer = account.client(service).stamp(&request::fresh()).status(200);
    let reply = Reply::read(&answer.body);
    let ready = service.client().get("/readyz").status;
    if expected {
        assert!(reply.is_granted());
        assert_eq!(ready, 200);
    } else {
        assert_eq!(reply.rejection().0, 14, "timeNotAvailable");
        assert_eq!(account.balance(service), before);
        assert_eq!(ready, 503);
    }
}

fn actions(service: &Service) -> Vec<String> {
    let trail = service.admin().get("/api/v1/admin/trail?category=clock&limit=1000").status(200);
    let trail = trail.json();
    let events = trail["events"].as_array().unwrap().iter();
    events.map(ToString::to_string).collect()
}

/// F07–F09: in sync, one liar outvoted, a majority of liars, silence, and back, each in the trail.
#[test]
fn the_clock_steps_through_its_states() {
    let servers: Vec<NtpServer> = (0..4).map(|_| NtpServer::start()).collect();
    let addresses: Vec<&str> = servers.iter().map(NtpServer::address).collect();
    let service = asking(&addresses, 3);
    let account = Account::open(&service, "acme", 100);
    reaches(&service, "in-sync");
    issues(&service, &account, true);

    // One lying server of four is outvoted, and named.
    servers[3].lie(5_000_000);
    eventually("the liar is named", || standing(&service, addresses[3]) == "falseticker");
    assert_eq!(status(&service)["state"], "in-sync");
    issues(&service, &account, true);

    // All say that this machine is five seconds behind: then it is, and there is no token.
    servers.iter().for_each(|server| server.lie(5_000_000));
    reaches(&service, "out-of-sync");
    issues(&service, &account, false);

    // They agree with the machine again.
    servers.iter().for_each(|server| server.lie(0));
    reaches(&service, "in-sync");
    issues(&service, &account, true);

    // Nobody answers: held over, for the error is still small.
    servers.iter().for_each(|server| server.silence(true));
    reaches(&service, "holdover");
    issues(&service, &account, true);
    let error = |service: &Service| status(service)["error_us"].as_i64().unwrap();
    let then = error(&service);
    eventually("the error grows", || error(&service) > then);

    servers.iter().for_each(|server| server.silence(false));
    reaches(&service, "in-sync");
    let told = actions(&service).join("\n");
    for state in ["in-sync", "out-of-sync", "holdover"] {
        assert!(told.contains(state), "no {state} in\n{told}");
    }
    service.cli(&["time", "status"]).ok();
}

/// A start without any server that answers issues nothing, and begins by itself when they come.
/// The very first one, which would write the time into certificates, needs them.
#[test]
fn a_start_without_servers_waits_for_them() {
    let servers: Vec<NtpServer> = (0..3).map(|_| NtpServer::start()).collect();
    let addresses: Vec<&str> = servers.iter().map(NtpServer::address).collect();
    let mut service = asking(&addresses, 3);
    let account = Account::open(&service, "acme", 10);
    service.stop();
    servers.iter().for_each(|server| server.silence(true));
    service.start();
    issues(&service, &account, false);
    servers.iter().for_each(|server| server.silence(false));
    reaches(&service, "in-sync");
    issues(&service, &account, true);
}

/// RFC 5905 §7.4: who says DENY is not asked again.
#[test]
fn a_server_that_denies_is_left_alone() {
    let servers: Vec<NtpServer> = (0..4).map(|_| NtpServer::start()).collect();
    let addresses: Vec<&str> = servers.iter().map(NtpServer::address).collect();
    let service = asking(&addresses, 3);
    reaches(&service, "in-sync");
    servers[0].deny();
    eventually("the denial is heeded", || standing(&service, addresses[0]) == "denied");
    let asked = servers[0].asked();
    let others = servers[1].asked();
    eventually("the others are asked on", || servers[1].asked() > others + 3);
    assert_eq!(servers[0].asked(), asked);
    assert_eq!(status(&service)["state"], "in-sync");
}

/// The real chronyd: three of them agree, and one of ours that lies is outvoted.
#[test]
fn real_servers_are_believed() {
    let chronies: Vec<Chrony> = (0..3).map(|_| Chrony::start()).collect();
    let liar = NtpServer::start();
    liar.lie(-3_600_000_000);
    let mut addresses: Vec<&str> = chronies.iter().map(Chrony::address).collect();
    addresses.push(liar.address());
    let service = asking(&addresses, 3);
    let account = Account::open(&service, "acme", 10);
    reaches(&service, "in-sync");
    assert_eq!(standing(&service, liar.address()), "falseticker");
    issues(&service, &account, true);
}

/// A leap second that is announced for today's end is in the status; the demo says what it trusts.
#[test]
fn leaps_are_announced_and_the_demo_says_what_it_trusts() {
    let servers: Vec<NtpServer> = (0..3).map(|_| NtpServer::start()).collect();
    servers.iter().for_each(|server| server.leap(1));
    let addresses: Vec<&str> = servers.iter().map(NtpServer::address).collect();
    let service = asking(&addresses, 3);
    reaches(&service, "in-sync");
    eventually("the leap second is known", || !status(&service)["leap_second_at"].is_null());

    let demo = Service::demo();
    assert_eq!(status(&demo)["state"], "machine-clock");
    let printed = demo.printed().join("\n");
    assert!(printed.contains("TRUSTS THIS MACHINE'S CLOCK"), "{printed}");
}

/// Without servers and without a word of trust the service does not start, and says why.
#[test]
fn a_configuration_without_a_source_of_time_is_refused() {
    let bare = Config::new().section("[time]\n").write();
    let refused = bare.fails_to_start();
    assert!(refused.err.contains("time"), "{}", refused.err);
    assert!(refused.err.contains("trust_machine_clock"), "{}", refused.err);
    let few = "[time]\nservers = [\"127.0.0.1:9\", \"127.0.0.1:10\"]\n";
    Config::new().section(few).write().fails_to_start().says("servers");
}
