//! The stored bytes of each record. When one of these tests fails, the format of stored state has
//! changed: data written before can no longer be read. Add a field instead.

use crate::credentials::LoginProof;
use crate::encoding::{decode, encode};
use crate::holders::credential::CredentialKind;
use crate::holders::devices::{DeviceKind, DeviceRecord};
use crate::holders::history::{HistoryKind, HistoryRecord};
use crate::holders::holder::*;
use crate::holders::link::LinkRecord;
use crate::holders::messages::{
    Content, Delivery, Lease, MessageRecord, MessageState, StoredAttachment, Template,
};
use crate::holders::notices::SummaryRecord;
use crate::holders::otp::{
    ChallengeRecord, ChallengeState, CodeRecord, OtpChannel, Purpose, TimesRecord, WindowRecord,
};
use crate::holders::phone::{PhoneChangeRecord, PhoneState};
use crate::holders::qr::{QrRecord, QrStatus};
use crate::holders::registration::{ApplicantRecord, RegistrationRecord, RegistrationState};
use crate::holders::sessions::{OpenedBy, SessionRecord};
use crate::holders::stamp_link::StampLinkRecord;
use crate::holders::throttle::CountRecord;
use crate::holders::totp::{EnrolmentRecord, TotpRecord};
use crate::holders::{Language, LinkPurpose, LinkState, tables};
use store::Table;

const TABLE: Table = Table::new(250, "golden");

#[track_caller]
fn golden<T>(record: &T, expected: &str)
where
    T: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()> + PartialEq,
{
    let bytes = encode(record, 0);
    assert_eq!(hex::encode(&bytes), expected);
    let read: T = decode(TABLE, b"", &bytes).unwrap();
    assert!(read == *record);
}

#[test]
fn holder() {
    let password = PasswordRecord {
        phc: "$a".to_owned(),
        pepper: 1,
        generation: 2,
        changed_at: 3,
        first_until: Some(4),
    };
    golden(&password, "8562246101020304");
    let question =
        QuestionRecord { question: "q".to_owned(), phc: "$b".to_owned(), pepper: 1, set_at: 5 };
    golden(&question, "8461716224620105");
    let record = HolderRecord {
        status: HolderStatus::Blocked,
        created_at: 1,
        email: "a@b.it".to_owned(),
        given_name: "A".to_owned(),
        surname: "B".to_owned(),
        fiscal_code: "C".to_owned(),
        birth_date: Some(2),
        phone: "+1".to_owned(),
        notice_email: None,
        language: Language::It,
        notices: SignatureNotices::Each,
        password: None,
        question: None,
        totp: true,
        closed_at: None,
        erased_at: Some(9),
        registration: Some(7),
        former_emails: None,
    };
    golden(&record, "910201666140622e697461416142614302622b31f60101f6f6f5f60907");
    let former = FormerEmail { email: "c@b.it".to_owned(), until: 5 };
    let record = HolderRecord { former_emails: Some(vec![former]), ..record };
    golden(
        &record,
        "920201666140622e697461416142614302622b31f60101f6f6f5f609078182666340622e697405",
    );
}

#[test]
fn registration() {
    let applicant = ApplicantRecord {
        given_name: "A".to_owned(),
        surname: "B".to_owned(),
        fiscal_code: "C".to_owned(),
        birth_date: None,
        email: "a@b.it".to_owned(),
        phone: "+1".to_owned(),
        language: Language::En,
        kind: CredentialKind::Automatic,
    };
    golden(&applicant, "88614161426143f6666140622e6974622b310001");
    let record = RegistrationRecord {
        state: RegistrationState::Invited,
        created_at: 1,
        changed_at: 2,
        self_service: true,
        applicant: None,
        passphrase: Some(vec![0xab].into()),
        holder: Some(3),
        reason: None,
        ends_at: Some(4),
        source: None,
    };
    golden(&record, "89020102f5f641ab03f604");
    let waits = RegistrationRecord { source: Some([0xab; 16].into()), ..record.clone() };
    golden(&waits, "8a020102f5f641ab03f60450abababababababababababababababab");
}

#[test]
fn link_and_count() {
    let record = LinkRecord {
        purpose: LinkPurpose::RecoverPassword,
        state: LinkState::Answered,
        holder: 1,
        created_at: 2,
        ends_at: 3,
        operation: [0xab; 16],
        wrong_answers: 4,
        address: None,
    };
    golden(&record, "87010101020350abababababababababababababababab04");
    golden(&CountRecord { count: 3, at: 5 }, "820305");
}

#[test]
fn templates_of_logins_and_phones() {
    let t = |text: &str| text.to_owned();
    let (device, from, client) = (t("d"), t("f"), t("c"));
    let approved = Template::QrLoginApproved { device, from, client, at: 1 };
    golden(&approved, "8218278461646166616301");
    golden(&Template::QrLoginDisowned { at: 1 }, "8218288101");
    let waiting =
        Template::PhoneChangeWaiting { new_number: t("n"), at: 1, effective_at: 2, token: t("t") };
    assert!(waiting.is_secret());
    golden(&waiting, "82182984616e01026174");
    golden(&Template::PhoneChangeCancelled { new_number: t("n"), at: 1 }, "82182a82616e01");
}

#[test]
fn session_and_device() {
    let record = SessionRecord {
        id: [0xab; 16],
        holder: 1,
        generation: 2,
        by: OpenedBy::QrCode,
        opened_at: 3,
        last_used_at: 4,
        from: "f".to_owned(),
        client: "c".to_owned(),
        stepped_up_until: Some(5),
        qr: Some([0xcd; 16]),
    };
    let expected = "8a50abababababababababababababababab01020103046166616305\
                    50cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd";
    golden(&record, expected);
    let record = DeviceRecord {
        id: [0xab; 16],
        holder: 1,
        name: "n".to_owned(),
        kind: DeviceKind::System,
        public_key: vec![0xcd, 0xef],
        linked_at: 2,
        last_used_at: 3,
        from: "f".to_owned(),
        certificate: None,
        credentials: None,
    };
    golden(&record, "8850abababababababababababababababab01616e0142cdef02036166");
    let bound = DeviceRecord {
        certificate: Some([0xef; 32].into()),
        credentials: Some(vec![[0x11; 16].into()]),
        ..record
    };
    let expected = "8a50abababababababababababababababab01616e0142cdef02036166\
                    5820efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef\
                    815011111111111111111111111111111111";
    golden(&bound, expected);
}

#[test]
fn qr_login() {
    let record = QrRecord {
        status: QrStatus::Approved,
        secret: [0xab; 32],
        number: 42,
        choices: [10, 42, 99],
        challenge: [0xcd; 32],
        begun_at: 1,
        ends_at: 2,
        from: "f".to_owned(),
        client: "c".to_owned(),
        holder: Some(3),
        device: Some([0xef; 16]),
        generation: Some(4),
    };
    let (secret, challenge, device) = ("ab".repeat(32), "cd".repeat(32), "ef".repeat(16));
    let expected = format!("8c025820{secret}182a430a2a635820{challenge}0102616661630350{device}04");
    golden(&record, &expected);
}

#[test]
fn phone_change_and_stamp_link() {
    let record = PhoneChangeRecord {
        state: PhoneState::Waiting,
        number: "+1".to_owned(),
        begun_at: 2,
        ends_at: 3,
    };
    golden(&record, "8402622b310203");
    // That of an early version, without a proof.
    golden(&StampLinkRecord { account: 17, linked_at: 2, proof: None }, "821102");
    let key = LoginProof::ApiKey { prefix: "k".to_owned() };
    let record = StampLinkRecord { account: 17, linked_at: 2, proof: Some(key) };
    golden(&record, "831102820181616b");
    let (name, generation, changed_at) = ("n".to_owned(), 3, 4);
    let password = LoginProof::Password { name, generation, changed_at };
    let record = StampLinkRecord { account: 17, linked_at: 2, proof: Some(password) };
    golden(&record, "831102820083616e0304");
}

#[test]
fn history() {
    let record = HistoryRecord {
        kind: HistoryKind::LoginLocked,
        actor: "service".to_owned(),
        success: false,
        details: vec![("n".to_owned(), "v".to_owned())],
    };
    golden(&record, "840a6773657276696365f48182616e6176");
}

#[test]
fn message() {
    let record = MessageRecord {
        holder: Some(1),
        delivery: Delivery::Sms,
        kind: "otp".to_owned(),
        language: Language::It,
        secret: true,
        content: Some(vec![0xab].into()),
        state: MessageState::Sent,
        created_at: 2,
        next_try_at: 3,
        tries: 4,
        lease: Some(Lease { worker: "w".to_owned(), until: 5 }),
        changed_at: 6,
        gateway_id: Some("g".to_owned()),
        last_error: None,
        gateway: None,
        ends_at: None,
    };
    golden(&record, "8d0101636f747001f541ab0102030482617705066167");
    let content = Content {
        to: "+1".to_owned(),
        addressee: "A".to_owned(),
        template: Template::EnvelopeReady { token: "t".to_owned(), ends_at: 1 },
        attachment: Some(StoredAttachment {
            name: "e".to_owned(),
            media_type: "m".to_owned(),
            bytes: vec![0xab].into(),
        }),
    };
    golden(&content, "84622b316141820082617401836165616d41ab");
}

#[test]
fn a_message_that_was_taken() {
    let record = MessageRecord {
        holder: None,
        delivery: Delivery::Mail,
        kind: "k".to_owned(),
        language: Language::En,
        secret: false,
        content: None,
        state: MessageState::Failed,
        created_at: 1,
        next_try_at: 2,
        tries: 3,
        lease: None,
        changed_at: 4,
        gateway_id: Some("i".to_owned()),
        last_error: Some("e".to_owned()),
        gateway: Some("g".to_owned()),
        ends_at: Some(5),
    };
    golden(&record, "90f600616b00f4f603010203f60461696165616705");
    golden(&SummaryRecord { count: 2, times: vec![3, 4] }, "8202820304");
}

#[test]
fn one_time_codes() {
    let record = ChallengeRecord {
        holder: 1,
        purpose: Purpose::Sign,
        bound: [0xcd; 32].into(),
        state: ChallengeState::Spent,
        channel: OtpChannel::Authenticator,
        began_at: 2,
        made_at: 3,
        ends_at: 4,
        code: Some(CodeRecord { mac: [0xef; 32].into(), pepper: 5, sealed: vec![0xab].into() }),
        tries: 6,
        sendings: 7,
        sent_at: 8,
        number: Some(vec![0xbc].into()),
        documents: Some(9),
    };
    let bytes = concat!(
        "8e01025820",
        "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
        "0301020304835820ef",
        "efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef05",
        "41ab06070841bc09",
    );
    golden(&record, bytes);
    golden(&TimesRecord { times: vec![1, 2] }, "81820102");
    golden(&WindowRecord { since: 1, count: 2 }, "820102");
}

#[test]
fn authenticator_apps() {
    let record = TotpRecord { secret: vec![0xab].into(), last_step: 1, enrolled_at: 2 };
    golden(&record, "8341ab0102");
    let record = EnrolmentRecord { secret: vec![0xab].into(), ends_at: 1, tries: 2 };
    golden(&record, "8341ab0102");
}

#[test]
fn the_messages_of_codes() {
    let template = Template::OtpCode {
        purpose: Purpose::Sign,
        requested_at: 1,
        made_at: 2,
        code: "c".to_owned(),
        documents: Some(3),
    };
    golden(&template, "821285020102616303");
    golden(&Template::OtpLocked { until: 1 }, "8218268101");
    let template =
        Template::SignatureSummary { day: "d".to_owned(), times: vec![1], count: Some(2) };
    golden(&template, "82181f836164810102");
}

#[test]
fn tables() {
    let numbers = [
        tables::HOLDER,
        tables::HOLDER_BY_EMAIL,
        tables::REGISTRATION,
        tables::SIGNING_CREDENTIAL,
        tables::SIGNING_KEY,
        tables::COUNTER,
        tables::OTP_CHALLENGE,
        tables::OTP_LIMIT,
        tables::TOTP,
        tables::SESSION,
        tables::DEVICE,
        tables::QR_LOGIN,
        tables::LINK,
        tables::RENEWAL,
        tables::PHONE_CHANGE,
        tables::HISTORY,
        tables::MESSAGE,
        tables::AUTHORISATION,
        tables::STAMP_LINK,
    ]
    .map(Table::number);
    assert_eq!(numbers, [8, 9, 10, 11, 12, 13, 14, 15, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32]);
}
