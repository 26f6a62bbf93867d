//! When there is too much to do: who is told so has lost nothing by asking.

use super::support::*;
use crate::http::routes;
use accounts::holders::SigningKeyKind;
use accounts::holders::credential::{CredentialKind, binding};
use accounts::holders::otp::Purpose;
use actix_web::App;
use actix_web::http::StatusCode;
use actix_web::test::{TestRequest, call_service, init_service};
use serde_json::{Value, json};
use std::iter::from_fn;

const NEXT: &str = "16180339";
const LAST: &str = "31415927";

/// The acts that compute, each with what it asks for besides the code.
fn acts(house: &House) -> [(Purpose, &'static str, Value); 2] {
    let puk = house.codes.puk.expose();
    [
        (Purpose::ChangePin, "pin", json!({"current": PIN, "new_pin": NEXT, "repeat": NEXT})),
        (Purpose::UnlockPin, "unlock", json!({"puk": puk, "new_pin": LAST, "repeat": LAST})),
    ]
}

#[test]
fn the_code_of_an_act_that_found_no_place_is_good_still() {
    block_on(async {
        let house = House::active(CredentialKind::Remote, SigningKeyKind::P256).await;
        let app = App::new().app_data(house.service.clone()).configure(routes);
        let app = init_service(app).await;
        for (purpose, act, mut body) in acts(&house) {
            let (operation, code) = house.code(purpose, binding(house.credential)).await;
            body["otp"] = json!({"operation": operation.to_string(), "code": code});
            let sent = || {
                TestRequest::post()
                    .uri(&format!("/api/v1/holder/credentials/{}/{act}", house.credential))
                    .insert_header(("authorization", format!("Bearer {}", house.token)))
                    .set_json(&body)
                    .to_request()
            };
            let places: Vec<_> = from_fn(|| house.service.holders.room().ok()).collect();
            let answer = call_service(&app, sent()).await;
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "{act}");
            drop(places);
            let answer = call_service(&app, sent()).await;
            assert_eq!(answer.status(), StatusCode::OK, "{act}");
        }
    });
}
