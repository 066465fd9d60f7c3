//! What a gateway is answered.

use super::*;

#[tokio::test]
async fn l6_two_links_arrive_through_every_form() {
    let response = || {
        Response::builder()
            .header("link", "<https://ca.example/a>;rel=\"index\"")
            .header("link", "<https://ca.example/b>;rel=\"up\"")
            .header("replay-nonce", "n1")
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2")
            .body(Body::from("x"))
            .unwrap()
    };
    let links = ["<https://ca.example/a>;rel=\"index\"", "<https://ca.example/b>;rel=\"up\""];
    for form in [AnswerForm::Joined, AnswerForm::Listed, AnswerForm::AlbJoined, AnswerForm::AlbListed] {
        let answer = form.write(response()).await.unwrap().0;
        let answer: Value = serde_json::from_str(answer.get()).unwrap();

        match form {
            AnswerForm::Joined | AnswerForm::AlbJoined => {
                assert_eq!(answer["headers"]["link"], links.join(", "));
                assert_eq!(answer["headers"]["replay-nonce"], "n1");
            }
            AnswerForm::Listed | AnswerForm::AlbListed => {
                assert_eq!(answer["multiValueHeaders"]["link"], json!(links));
                assert_eq!(answer["multiValueHeaders"]["replay-nonce"], json!(["n1"]));
            }
        }
        match form {
            AnswerForm::Joined => assert_eq!(answer["cookies"], json!(["a=1", "b=2"])),
            AnswerForm::Listed => {
                assert_eq!(answer["multiValueHeaders"]["set-cookie"], json!(["a=1", "b=2"]))
            }
            AnswerForm::AlbJoined | AnswerForm::AlbListed => {
                assert_eq!(answer["statusDescription"], "200 OK");
            }
        }
    }
}

#[tokio::test]
async fn a_body_that_is_no_text_leaves_in_base64() {
    let response = Response::new(Body::from(vec![0xff, 0x00]));

    let answer = AnswerForm::Joined.write(response).await.unwrap().0;

    let answer: Value = serde_json::from_str(answer.get()).unwrap();
    assert_eq!((&answer["body"], &answer["isBase64Encoded"]), (&json!("/wA="), &json!(true)));
}

#[tokio::test]
async fn l8_a_balancer_carries_1_mb_and_lambda_6() {
    let response = |octets| Response::new(Body::from("\"".repeat(octets)));
    // Each quotation mark is two octets of JSON.
    let half = 512 * 1024;

    assert!(AnswerForm::AlbJoined.write(response(half)).await.is_err());
    assert!(AnswerForm::Joined.write(response(half)).await.is_ok());
    assert!(AnswerForm::Joined.write(response(6 * half)).await.is_err());
}

#[test]
fn a_balancer_is_answered_as_it_asks() {
    let event = sample(ALB).to_string();

    assert_eq!(AnswerForm::of(ALB, &event), AnswerForm::AlbListed);
    assert_eq!(AnswerForm::of(ALB, "{\"headers\":{}}"), AnswerForm::AlbJoined);
}
