//! What a person does with a remote-signature account, flow by flow, from outside: over HTTP, with
//! the mail of a real SMTP server and the short messages of a gateway.

mod activation;
mod administration;
mod codes;
mod device;
mod errors;
mod isolation;
mod killed;
mod linking;
mod personal_data;
mod phone;
mod portal;
mod qr;
mod recovery;
mod renewal;
mod signing;
mod suspension;
mod systems;
mod unlock;

pub(crate) use isolation::ROUTES;
