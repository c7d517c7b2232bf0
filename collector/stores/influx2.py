"""InfluxDB 2 and 3 through `/api/v2/write`, with InfluxData's own client."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
from influxdb_client.rest import ApiException
from influxdb_client.service.write_service import WriteService

from collector.pools import CONNECT_S, pools, silence
from collector.stores import answers
from collector.stores.influxql import Asker
from collector.stores.line_protocol import key, lines
from collector.stores.store import ANSWER_S, Answer, Held, Later, Refused, Row, Select, Series, Store, StoreDown, Table


class Influx2(Store):
    """One bucket of an InfluxDB 2 server, or one database of InfluxDB 3, which takes the same writes."""

    name = "influx2"

    def __init__(self, url: str, bucket: str, org: str, token: str) -> None:
        self._bucket = bucket
        self._org = org
        self._client = InfluxDBClient(url, token, org=org, timeout=(int(CONNECT_S * 1000), int(ANSWER_S * 1000)))
        self._client.api_client.rest_client.pool_manager = pools(ANSWER_S)
        self._writes = WriteService(self._client.api_client)
        self._asker = Asker(url, bucket, {"Authorization": f"Token {token}"})

    def prepare(self) -> Answer:
        """An empty write tells whether bucket, organisation and token fit."""
        answer = self.write([])
        return Held(answer.reason) if isinstance(answer, Refused) else answer

    def render(self, table: Table) -> list[Row]:
        return lines(table)

    def write(self, rows: Sequence[Row]) -> Answer:
        try:
            _, status, headers = self._writes.post_write_with_http_info(
                org=self._org, bucket=self._bucket, body=b"\n".join(rows), precision="ns"
            )
            body = ""
        except ApiException as error:
            if not error.status:
                return Later(f"InfluxDB does not answer: {error.reason}")
            status, headers, body = error.status, error.headers or {}, str(error.body or "")
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return Later(f"InfluxDB does not answer: {silence(error)}")
        return answers.of_write(status, body, headers.get("Retry-After"))

    def select(self, question: Select) -> list[Series]:
        return self._asker.select_all([question])[0]  # version 3 is not known to take several at once

    def remove(self, measurement: str) -> None:
        try:
            self._client.delete_api().delete(
                datetime.fromtimestamp(0, UTC), datetime.now(UTC), f'_measurement="{key(measurement)}"',
                self._bucket, self._org,
            )  # fmt: skip
        except (ApiException, urllib3.exceptions.HTTPError, OSError) as error:
            raise StoreDown(f"InfluxDB does not remove {measurement}: {_why(error)}") from error

    def keep_for(self, days: int | None) -> None:
        try:
            buckets = self._client.buckets_api()
            bucket = buckets.find_bucket_by_name(self._bucket)
            seconds = [] if days is None else [days * 86_400]
            rules = [BucketRetentionRules(type="expire", every_seconds=s) for s in seconds]
            if bucket is None:
                buckets.create_bucket(bucket_name=self._bucket, retention_rules=rules, org=self._org)
            else:
                bucket.retention_rules = rules
                buckets.update_bucket(bucket)
        except (ApiException, urllib3.exceptions.HTTPError, OSError) as error:
            raise StoreDown(f"bucket {self._bucket} cannot be made or changed: {_why(error)}") from error

    def close(self) -> None:
        self._client.close()
        self._asker.close()


def _why(error: Exception) -> str:
    """The client's own words hold every header of an answer."""
    if isinstance(error, ApiException) and error.status:
        return answers.said(error.status, str(error.body or ""))
    return silence(error)
