//! Attachments that are wrong, too many, too few, or out of order (LIMITS.md, E20 to E22).
use crate::beside::Beside;
use crate::client::Via;
use crate::packets::{ends, lives};
use switchboard_rig::each_stack;

#[test]
fn e20_placeholders() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let bad = [
            r#"{"_placeholder":true,"num":-1}"#,
            r#"{"_placeholder":true,"num":1}"#,
            r#"{"_placeholder":true,"num":99}"#,
            r#"{"_placeholder":true,"num":18446744073709551616}"#,
            r#"{"_placeholder":true,"num":"splice"}"#,
            r#"{"_placeholder":true,"num":"0"}"#,
            r#"{"_placeholder":true,"num":1.5}"#,
            r#"{"_placeholder":true,"num":0.0}"#,
            r#"{"_placeholder":true,"num":null}"#,
            r#"{"_placeholder":true,"num":{}}"#,
            r#"{"_placeholder":true}"#,
            r#"{"_placeholder":false,"num":0}"#,
            r#"{"_placeholder":1,"num":0}"#,
            r#"{"_placeholder":"true","num":0}"#,
            r#"1"#,
        ];
        for bad in bad {
            let event = format!(r#"451-["bytes",{bad}]"#);
            let deep = format!(r#"451-7["bytes",[{{"a":{bad}}}]]"#);
            let ack = format!(r#"461-7[{bad}]"#);
            ends(&beside, &[&[&event, "bAQID"], &[&deep, "bAQID"], &[&ack, "bAQID"]]).await;
        }
        let one = r#"{"_placeholder":true,"num":0}"#;
        let two = r#"{"_placeholder":true,"num":1}"#;
        let counts = [
            format!(r#"451-["bytes",{one},{two}]"#),
            format!(r#"451-["bytes",{one},{one}]"#),
            format!(r#"452-["bytes",{one}]"#),
            format!(r#"452-["bytes",{one},{one}]"#),
            format!(r#"452-["bytes",{two},{two}]"#),
        ];
        for text in &counts {
            ends(&beside, &[&[text, "bAQID", "bAQID"]]).await;
        }
        // In an ordinary packet it is an object like others.
        let count = format!(r#"423["count",{one},{two}]"#);
        lives(&beside, &[(&[&count], &["433[2]"])]).await;
        beside.over().await;
    });
}

#[test]
fn e21_the_number_of_attachments() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let places = |count: usize| {
            let places: Vec<_> = (0..count).map(|num| format!(r#"{{"_placeholder":true,"num":{num}}}"#)).collect();
            format!(r#"["count",{}]"#, places.join(","))
        };
        for count in [
            "11-",
            "1000000000-",
            "18446744073709551617-",
            "NaN-",
            "0-",
            "-",
            "",
            "-1-",
            "1.5-",
            "+1-",
            " 1-",
            "1e1-",
            "0x1-",
        ] {
            let (event, ack) = (format!("45{count}{}", places(11)), format!("46{count}1{}", places(11)));
            ends(&beside, &[&[&event, "bAQID"], &[&ack, "bAQID"]]).await;
        }
        // Ten are taken.
        let ten = format!("4510-3{}", places(10));
        let mut packets = vec![&*ten];
        packets.extend(["bAQID"; 10]);
        lives(&beside, &[(&packets, &["433[10]"])]).await;
        beside.over().await;
    });
}

#[test]
fn e22_attachments_out_of_order() {
    each_stack(|stack| async move {
        let beside = Beside::start(stack).await;
        let two = r#"452-["count",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
        let all: &[&[&str]] = &[
            &["bAQID"],
            &["b"],
            &["6", "bAQID", "6"],
            &[two, r#"42["echo","x"]"#],
            &[two, "bAQID", r#"42["echo","x"]"#],
            &[two, "bAQID", two],
            &[two, "40"],
            &[two, "41"],
            &[two, "431[1]"],
            &[two, "bAQID", "40/admin,"],
        ];
        ends(&beside, all).await;
        // One too many. The packet itself is handled, if its namespace was entered.
        for via in Via::BOTH {
            let mut session = beside.join(via, &["/"]).await;
            session.throw(&[two, "bAQID", "bAQID", "bAQID"]).await;
            session.expect_end().await;
            beside.unnoticed().await;
        }
        // Pings and what has no meaning may come between.
        for via in Via::BOTH {
            let mut session = beside.join(via, &["/"]).await;
            session.throw(&[&two.replace("452-", "452-3"), "6", "bAQID", "3", "2", "bAQID"]).await;
            session.expect("433[2]").await;
            session.leave().await;
        }
        beside.over().await;
    });
}
