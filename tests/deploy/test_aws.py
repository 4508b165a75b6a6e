"""The AWS deployment against moto's server, its functions run by Lambda's own runtime client.

What moto leaves out is set by API from the compiled template: bucket notifications and a queue
that hears the topic.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.aws_cloud import (
    BUCKET,
    NAME,
    REGION,
    REVIEWER,
    Cloud,
    compiled,
    invoked,
    log_of,
    message,
    row,
    until,
    wire,
)
from tests.deploy.installed import PHOTOS, ROOT, LambdaRuntime, osls
from tests.deploy.person import Person
from vindrop.stores.dynamodb_tables import tables
from vindrop_local.vinocr_process import VinOCRProcess

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def cloud(
    tmp_path_factory: pytest.TempPathFactory,
    node: Path,
    lambda_runtime: LambdaRuntime,
    vinocr: VinOCRProcess,
) -> Iterator[Cloud]:
    """Deployed."""
    found = Cloud(tmp_path_factory.mktemp("aws"), lambda_runtime)
    found.environment["VINDROP_VINOCR_ENDPOINT"] = vinocr.endpoint
    try:
        done = osls("deploy", environment=found.environment)
        assert done.returncode == 0, done.stdout + done.stderr
        yield found
    finally:
        found.close()


@pytest.fixture(scope="module")
def template(cloud: Cloud) -> dict[str, Any]:
    assert cloud
    return compiled(ROOT)


@pytest.fixture(scope="module")
def wired(cloud: Cloud, template: dict[str, Any]) -> Cloud:
    wire(cloud, template)
    sqs, sns = cloud.client("sqs"), cloud.client("sns")
    queue = sqs.create_queue(QueueName="hears-dead-letters")["QueueUrl"]
    (topic,) = (
        t["TopicArn"]
        for t in sns.list_topics()["Topics"]
        if t["TopicArn"].endswith(f"{NAME}-dead-letters")
    )
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])[
            "Attributes"
        ]["QueueArn"],
    )
    return cloud


def test_a_photo_in_the_bucket_becomes_a_row_and_a_message(
    wired: Cloud, sample: tuple[Path, str]
) -> None:
    photo, vin = sample
    wired.client("s3").put_object(Bucket=BUCKET, Key="in/a photo+1.jpg", Body=photo.read_bytes())
    (item,) = until(row(wired, "readings", vin), "a row", then=lambda: log_of(wired))
    assert item["vin"]["S"] == vin
    (found,) = until(message(wired, f"{NAME}-readings"), "a message")
    assert json.loads(found["Body"])["data"]["vin"] == vin


def test_a_bad_photo_becomes_a_dead_letter(wired: Cloud) -> None:
    wired.client("s3").put_object(Bucket=BUCKET, Key="in/empty.jpg", Body=b"")
    (item,) = until(row(wired, "dead_letters", "in/empty.jpg"), "a dead letter's row")
    (found,) = until(message(wired, "hears-dead-letters"), "a dead letter's message")
    assert item["code"]["S"] in found["Body"]


def test_the_state_machine_reads_a_photo(wired: Cloud, sample: tuple[Path, str]) -> None:
    photo, vin = sample
    wired.client("s3").put_object(Bucket=BUCKET, Key="workflow/step.jpg", Body=photo.read_bytes())
    machines = wired.client("stepfunctions")
    (arn,) = (
        m["stateMachineArn"]
        for m in machines.list_state_machines()["stateMachines"]
        if m["name"] == f"{NAME}-read"
    )
    run = machines.start_execution(
        stateMachineArn=arn,
        input=json.dumps({"bucket": BUCKET, "key": "workflow/step.jpg", "region": REGION}),
    )["executionArn"]

    def ended() -> Any:
        found = machines.describe_execution(executionArn=run)
        return found if found["status"] != "RUNNING" else None

    found = until(ended, "the execution to end")
    assert found["status"] == "SUCCEEDED", (found, log_of(wired, "step"))
    assert vin in found["output"]


def test_the_sweep_and_the_page_answer(wired: Cloud) -> None:
    functions = wired.client("lambda")
    swept = functions.invoke(FunctionName=f"{NAME}-sweep", Payload=b"{}")
    assert json.load(swept["Payload"])["uploads"] == 0, log_of(wired, "sweep")
    event = {
        "version": "2.0",
        "rawPath": "/capture",
        "rawQueryString": "",
        "headers": {"host": "x.lambda-url.us-east-1.on.aws"},
        "requestContext": {
            "http": {"method": "GET", "path": "/capture"},
            "domainName": "x.lambda-url",
        },
        "isBase64Encoded": False,
    }
    page = functions.invoke(FunctionName=f"{NAME}-http", Payload=json.dumps(event).encode())
    answer = json.load(page["Payload"])
    assert answer["statusCode"] == 200, (answer, log_of(wired, "http"))


def test_a_person_reviews_a_dead_letter_through_api_gateway(
    wired: Cloud, sample: tuple[Path, str]
) -> None:
    """The console as it was deployed, with its layer, before DynamoDB."""
    _, vin = sample
    photo = (PHOTOS / "no-vin-shop-front.jpg").read_bytes()
    wired.client("s3").put_object(Bucket=BUCKET, Key="in/unreadable.jpg", Body=photo)
    until(row(wired, "dead_letters", "in/unreadable.jpg"), "a dead letter's row")
    person = Person(lambda event: invoked(wired, event), "aws_rest")
    person.signs_in(REVIEWER)
    page = person.asks("GET", "/review")
    assert page["statusCode"] == 200, (page["body"], log_of(wired, "http"))
    assert "/prod/assets/" in page["body"]
    items = until(
        lambda: person.gets("/v1/reviews")["items"], "the queue", then=lambda: log_of(wired, "http")
    )
    [item] = [each for each in items if each["name"] == "unreadable.jpg"]
    assert item["code"] == "FailedOperation.OcrFailed"
    decided = person.decides(item, vin)
    review = decided["review"]
    assert (review["vin"], review["reviewer"], review["sequence"]) == (vin, "lee", 1)
    rows = row(wired, "readings", "in/unreadable.jpg")()
    assert [(each["vin"]["S"], each["verdict"]["S"]) for each in rows] == [(vin, "reviewed")]
    listed = person.asks("GET", "/uploads", query={"vin": vin[-6:]})
    assert "unreadable.jpg" in listed["body"]
    assert not row(wired, "dead_letters", "in/unreadable.jpg")(), "it is withdrawn"


def test_cfn_lint_has_nothing_to_say(cloud: Cloud, template: dict[str, Any]) -> None:
    path = ROOT / ".serverless" / "cloudformation-template-update-stack.json"
    done = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), "-t", path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_tables_are_those_that_the_library_would_make(template: dict[str, Any]) -> None:
    made = {
        r["Properties"]["TableName"]: r["Properties"]
        for r in template["Resources"].values()
        if r["Type"] == "AWS::DynamoDB::Table"
    }
    for wanted in tables(NAME).values():
        found = made[wanted["TableName"]]
        assert {name: found.get(name) for name in wanted} == wanted


def test_no_role_may_do_more_than_its_function_does(template: dict[str, Any]) -> None:
    roles = {k: r for k, r in template["Resources"].items() if r["Type"] == "AWS::IAM::Role"}
    used = json.dumps([r for r in template["Resources"].values() if r["Type"] != "AWS::IAM::Role"])
    assert roles
    for name, role in roles.items():
        assert name in used, f"{name} belongs to nothing"
        assert "ManagedPolicyArns" not in role["Properties"]
        for policy in role["Properties"]["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                check(name, statement)


def check(role: str, statement: dict[str, Any]) -> None:
    assert statement["Effect"] == "Allow"
    actions = (
        statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    )
    assert not any("*" in action for action in actions), (role, actions)
    resources = (
        statement["Resource"]
        if isinstance(statement["Resource"], list)
        else [statement["Resource"]]
    )
    for resource in resources:
        text = resource if isinstance(resource, str) else resource.get("Fn::Sub", "")
        if "*" not in text:
            continue
        # Names that nobody knows beforehand: objects, log streams, executions of our own Map.
        known = (
            f":s3:::{BUCKET}/",
            f":log-group:/aws/lambda/{NAME}-",
            f":execution:{NAME}-backfill:",
        )
        assert any(part in text for part in known), (role, text)
        assert text.count("*") == 1, (role, text)
        assert text.endswith("*"), (role, text)


def test_remove_leaves_nothing(wired: Cloud) -> None:
    s3 = wired.client("s3")
    for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=item["Key"])
    wired.client("sqs").delete_queue(
        QueueUrl=wired.client("sqs").get_queue_url(QueueName="hears-dead-letters")["QueueUrl"]
    )
    done = osls("remove", environment=wired.environment)
    assert done.returncode == 0, done.stdout + done.stderr
    left = {
        "functions": wired.client("lambda").list_functions()["Functions"],
        "buckets": s3.list_buckets()["Buckets"],
        "tables": wired.client("dynamodb").list_tables()["TableNames"],
        "queues": wired.client("sqs").list_queues().get("QueueUrls", []),
        "topics": wired.client("sns").list_topics()["Topics"],
        "roles": wired.client("iam").list_roles()["Roles"],
        "machines": wired.client("stepfunctions").list_state_machines()["stateMachines"],
        "alarms": wired.client("cloudwatch").describe_alarms()["MetricAlarms"],
        "groups": wired.client("logs").describe_log_groups()["logGroups"],
    }
    assert {name: found for name, found in left.items() if found} == {}
