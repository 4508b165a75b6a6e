"""Everything on one machine: a bucket, VinOCR, and the very functions that run in the cloud.

    folder ──▶ bucket ──event──▶ queue ──▶ functions/upload ──▶ VinOCR
                                             │       ▲ timer: functions/sweep
                                             ▼       │
                                   .vindrop/vindrop.db: ledger, readings, dead letters

    browser ──▶ front ──▶ functions/http_api ──▶ VinOCR, the same ledger, the same readings

All of it lives in one state folder and dies with this process: started again after any kill it
goes on where it was.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from vindrop import settings as settings_module
from vindrop.core.destination import Readable
from vindrop.core.store_errors import StoreError, StoreSettingError
from vindrop.destinations import open_destination
from vindrop.domain import access_keys
from vindrop.domain.access_keys import AccessKey
from vindrop.stores import open_console, open_ledger
from vindrop.stores.ledger.sql import SQLLedger
from vindrop_local import clone, language, recognizer_settings
from vindrop_local.bucket import Account, Bucket, BucketServer
from vindrop_local.errors import UserError
from vindrop_local.foreign import file_of, refuse_others_file
from vindrop_local.front import Front
from vindrop_local.platform import AlreadyRunningError, FunctionSpec, Identity, LogLine, Platform
from vindrop_local.serving import Service, free_port
from vindrop_local.sign_in_links import SignInLinks
from vindrop_local.vinocr_process import VinOCRProcess

ROOT: Final = clone.ROOT
"""The clone: the functions are run from there, unpacked."""

APPID: Final = "1250000000"
REGION: Final = "ap-guangzhou"
SWEEP_SECONDS: Final = 2.0
"""In the cloud the timer rings once a minute; on a laptop somebody is watching."""
FUNCTION_SECONDS: Final = 60.0
INSTANCES: Final = 4
PRICE: Final = 0.02
"""Of a call to the VinOCR that stands in for the cloud's, in anybody's currency."""
SURE: Final = 0.998
"""``VINDROP_SURE`` of a stack with two: its sample photos are clear, and the default asks nobody else."""
_SECOND: Final = {"VINOCR_MAX_ERROR": "0.01"}
"""It gives answers that the first one is not sure enough of to give."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stack keeps what it knows."""

    state: Path
    folder: Path
    """The bucket's."""
    elsewhere: str = ""
    """URL of a database to use instead of the one in the state folder."""

    @property
    def database(self) -> str:
        """URL of the ledger, the readings and the dead letters."""
        return self.elsewhere or f"sqlite:///{self.state.resolve()}/vindrop.db"


class Stack(Service):
    """``with Stack(place) as stack``: up inside the block."""

    def __init__(
        self,
        place: Place,
        *,
        vinocr: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
        instances: int = INSTANCES,
        watch: bool = True,
        http_port: int | None = None,
        cascade: bool = False,
        on_log: Callable[[LogLine], None] | None = None,
    ) -> None:
        """Prepare; nothing is started before the block begins.

        :param vinocr: further VINOCR_ variables.
        :param settings: further VINDROP_ variables of the functions.
        :param instances: upload functions at most at once.
        :param watch: whether what arrives in the bucket calls the upload function.
        :param cascade: a second VinOCR of ours stands in for the cloud's, and both are asked.
        :param http_port: where the HTTP function answers; 0: a free port; None: it is not served.
        :param on_log: told of every line that the functions log, beside the files.
        """
        self.place = place
        self.bucket = Bucket(f"photos-{APPID}", REGION, place.folder)
        self._vinocr_settings = dict(vinocr or {})
        self._settings = dict(settings or {})
        self._instances = instances
        self._watch = watch
        self._http_port = http_port
        self._cascade, self._on_log = cascade, on_log
        self.second: VinOCRProcess | None = None
        self._exit = contextlib.ExitStack()

    def stop(self) -> None:
        """Let what runs finish, and end everything."""
        self._exit.close()

    def start(self) -> None:
        """Bring everything up.

        :raises UserError: something that the user can mend.
        :raises SettingsError: a setting of the functions is wrong.
        """
        self._check()
        try:
            with contextlib.ExitStack() as stack:
                self._start(stack)
                self._exit = stack.pop_all()
        except (AlreadyRunningError, StoreError, StoreSettingError) as error:
            raise UserError(str(error)) from error
        except OSError as error:
            raise UserError(
                f"cannot use {error.filename or self.place.state}: {error.strerror or error}"
            ) from error

    def _check(self) -> None:
        """Read the functions' settings as they will, before anything is started.

        :raises SettingsError: one is wrong.
        :raises UserError: a recognizer that they name has no keys.
        """
        # Their addresses are not known yet.
        given = self._functions_environment("http://127.0.0.1", "http://127.0.0.1")
        recognizer_settings.check(settings_module.load(given), given)

    def _start(self, stack: contextlib.ExitStack) -> None:
        database = file_of(self.place.database)
        if database is not None:
            refuse_others_file(database)
        self.place.state.mkdir(parents=True, exist_ok=True)
        self.place.folder.mkdir(parents=True, exist_ok=True)
        secret_id, secret_key = _keys(self.place.state / "account.json")
        bucket_port = free_port()
        self._start_recognizers(stack, secret_id, secret_key, bucket_port)
        endpoint = f"http://127.0.0.1:{bucket_port}"
        self.environment = self._functions_environment(endpoint, self.vinocr.endpoint)
        functions = [
            _function("upload", self.environment, self._instances),
            _function("sweep", self.environment, 1),
        ]
        if self._http_port is not None:
            functions.append(self._http_function())
        self.platform = Platform(
            self.place.state,
            functions,
            identity=Identity(
                appid=APPID, region=REGION, secret_id=secret_id, secret_key=secret_key
            ),
            also_log=self._on_log,
        )
        ledger = open_ledger(self.place.database, account="vinocr")
        self.ledger = cast("SQLLedger", ledger)
        self.results = cast("Readable", open_destination(self.place.database))
        self._console = open_console(ledger, None, 0.0)
        stack.enter_context(self.platform)
        # The state folder is ours alone now, so no worker of an earlier life is left.
        self.ledger.end_leases()
        if self._watch:
            self.platform.every(SWEEP_SECONDS, "sweep", trigger="sweep")
        self.account = Account(secret_id, secret_key)
        self.front: Front | None = None
        if self._http_port is not None:
            self.links = SignInLinks(self.admin)
            self.front = stack.enter_context(
                Front(
                    self.platform,
                    "http_api",
                    port=self._http_port,
                    links=self.links,
                    pulse=self._pulse,
                )
            )
        self.server = stack.enter_context(
            BucketServer(
                [Bucket(self.bucket.name, REGION, self.place.folder, bucket_port)],
                [self.account],
                self.platform.database,
                self.platform.trigger("upload") if self._watch else None,
                cors_origins=[self.front.url] if self.front else [],
            )
        )

    def _start_recognizers(
        self, stack: contextlib.ExitStack, secret_id: str, secret_key: str, bucket_port: int
    ) -> None:
        # Signed URLs point to the bucket on loopback, which VinOCR otherwise never asks.
        reached = {"VINOCR_URL_ALLOW": f"127.0.0.1:{bucket_port}"}

        def started(log: str, settings: Mapping[str, str]) -> VinOCRProcess:
            file = self.place.state / "logs" / log
            process = VinOCRProcess(
                file, secret_id=secret_id, secret_key=secret_key, settings={**reached, **settings}
            )
            return stack.enter_context(process)

        self.vinocr = started("vinocr.log", self._vinocr_settings)
        if self._cascade:
            self.second = started("second.log", _SECOND)
            pair = f"{secret_id}:{secret_key}"
            self._settings["VINDROP_RECOGNIZER_KEYS"] = f"own={pair} cloud={pair}"
            self._settings["VINDROP_SURE"] = f"{SURE:g}"
            self._settings["VINDROP_RECOGNIZERS"] = (
                f"own={self.vinocr.endpoint}?rate=0&price=0 "
                f"cloud={self.second.endpoint}?price={PRICE:g}"
            )

    def _http_function(self) -> FunctionSpec:
        """Return the HTTP function, with this stack's own keys: to send photos, and for all else."""
        self.api_key = _api_key(self.place.state / "api-key")
        self.admin = AccessKey(_user(), "admin", _api_key(self.place.state / "admin-key"))
        keys = f"{self.api_key} {self.admin.name}:{self.admin.role}:{self.admin.secret}"
        own = {"VINDROP_API_KEYS": keys, **self.environment}
        return _function("http_api", own, self._instances)

    def _functions_environment(self, endpoint: str, vinocr: str) -> dict[str, str]:
        """Return the settings of the functions: the bucket is at ``endpoint``, VinOCR at ``vinocr``."""
        return {
            "VINDROP_RESULTS": self.place.database,
            "VINDROP_DEAD_LETTERS": self.place.database,
            "VINDROP_LEDGER": self.place.database,
            "VINDROP_VINOCR_ENDPOINT": vinocr,
            "VINDROP_STORAGE_ENDPOINT": endpoint,
            "VINDROP_RETRY_SECONDS": "2",
            "VINDROP_VINOCR_TIMEOUT": "30",
            "VINDROP_UPLOAD_BUCKET": self.bucket.name,
            "VINDROP_VEHICLE": "true",
            "VINDROP_VINOCR_LANGUAGE": "zh-CN" if language.chosen() == "zh" else "en-US",
            **self._settings,
        }

    @property
    def bucket_url(self) -> str:
        """Where the bucket is reached."""
        return self.server.url(self.bucket.name)

    @property
    def page_url(self) -> str:
        """Where the capture page is, with its key behind the #, which a browser never sends.

        :raises ValueError: the HTTP function is not served.
        """
        if self.front is None:
            raise ValueError("the stack was started without http_port")
        return f"{self.front.url}/capture#key={self.api_key}"

    def console_link(self) -> str:
        """Return a link that opens the console, signed in, once.

        :raises ValueError: the HTTP function is not served.
        """
        if self.front is None:
            raise ValueError("the stack was started without http_port")
        return self.links.make(self.front.url)

    def _pulse(self) -> str:
        """Return a text that changes whenever the console's overview does."""
        found = self._console.overview(1)
        return repr(
            (
                found.total,
                sorted((state, each.uploads) for state, each in found.waiting.items()),
                sorted(found.to_review.items()),
                found.circuit is None,
            )
        )

    def unfinished(self) -> int:
        """Return how many uploads have neither reading nor dead letter, as far as is known."""
        counts = self.ledger.counts()
        open_rows = sum(n for state, n in counts.items() if state not in {"delivered", "dead"})
        queued = self.platform.counts()
        waiting = sum(n for state, n in queued.items() if state != "dead")
        sweeping = 1 if waiting else 0
        return open_rows + max(waiting - sweeping, 0)


def _function(name: str, environment: Mapping[str, str], instances: int) -> FunctionSpec:
    code = ROOT / "functions" / name
    if not code.is_dir():
        raise UserError(
            f"{code} is not there: the local stack runs the functions of a checkout, so clone the "
            "repository and call .venv/bin/vindrop from it"
        )
    return FunctionSpec(
        name,
        code,
        environment=environment,
        timeout_seconds=FUNCTION_SECONDS,
        concurrency=instances,
        retry_delays=(2.0, 5.0),
    )


def _user() -> str:
    """Return the name under which this machine's user reviews."""
    try:
        found = getpass.getuser()
    except (OSError, KeyError):  # no such user, as in some containers
        found = ""
    kept = "".join(each for each in found if access_keys.wrong_name(each) is None)
    return kept[: access_keys.LONGEST_NAME] or "local"


def _own_file(path: Path, content: Callable[[], str]) -> str:
    """Return a file's text; when first asked for it is made, readable by its owner only."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(content())
    return path.read_text()


def _keys(path: Path) -> tuple[str, str]:
    """Return this stack's own key pair."""
    text = _own_file(
        path,
        lambda: json.dumps({"id": f"AKID{secrets.token_hex(16)}", "key": secrets.token_hex(16)}),
    )
    try:
        found = json.loads(text)
        return str(found["id"]), str(found["key"])
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path} is broken: delete it, and a new key pair is made") from None


def _api_key(path: Path) -> str:
    """Return this stack's own API key."""
    found = _own_file(path, lambda: secrets.token_urlsafe(24)).strip()
    if not found:
        raise UserError(f"{path} is empty: delete it, and a new key is made")
    return found
