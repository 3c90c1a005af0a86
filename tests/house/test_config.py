from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from fksbridge.config import PROJECT, Config, ConfigError, read_config
from fksbridge.connections import celery_broker, django_database
from fksbridge.embedded import places

SECRET = "s" * 40
PRODUCTION = {
    "FKS_ENV": "production",
    "FKS_SECRET_KEY": SECRET,
    "FKS_KEY_PEPPERS": f"1:{SECRET}",
}


def read(folder: Path, **environ: str) -> Config:
    return read_config({"FKS_DATA_DIR": str(folder)} | environ)


def test_an_empty_environment_gives_a_working_bridge_on_this_machine(tmp_path: Path) -> None:
    config = read(tmp_path)
    assert (config.env, config.http_host, config.http_port) == ("development", "127.0.0.1", 8000)
    assert (config.tcp_port, config.gateway_http_port, config.shards) == (8888, 8001, 2)
    assert (config.tls_port, config.zmq_port, config.zmq_sub_port) == (8889, 5555, 5556)
    assert config.tls_certificate == tmp_path / "tls" / "server.pem"
    assert config.durability == "process"
    assert config.plain_loopback
    assert config.embedded_postgres
    assert config.embedded_redis


def test_the_data_folder_lies_in_the_project_whatever_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"FKS_SECRET_KEY": SECRET, "FKS_KEY_PEPPERS": f"1:{SECRET}"}
    assert read_config(given).data_dir == PROJECT / ".fks"


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("FKS_HTTP_PORT", "http", "FKS_HTTP_PORT must be a whole number, not 'http'"),
        ("FKS_HTTP_PORT", "70000", "FKS_HTTP_PORT must lie between 1 and 65535, not 70000"),
        ("FKS_ENV", "live", "FKS_ENV must be one of development, demo, production, not 'live'"),
        ("FKS_DURABILITY", "disk", "FKS_DURABILITY must be one of process, power, not 'disk'"),
        ("FKS_PLAIN_LOOPBACK", "maybe", "FKS_PLAIN_LOOPBACK must be true or false, not 'maybe'"),
        ("DATABASE_URL", "sqlite:///x", "DATABASE_URL must start with postgresql://"),
        ("REDIS_URL", "memory://", "REDIS_URL must start with redis:// or rediss:// or unix://"),
        ("FKS_SECRET_KEY", "short", "FKS_SECRET_KEY must have 32 characters or more"),
        ("FKS_KEY_PEPPERS", "1:short", "FKS_KEY_PEPPERS must look like 1:<secret>,2:<secret>"),
        ("FKS_TCP_PORT", "8000", "FKS_HTTP_PORT and FKS_TCP_PORT must differ"),
        ("FKS_ZMQ_PORT", "8889", "FKS_TLS_PORT and FKS_ZMQ_PORT must differ"),
        ("FKS_ZMQ_SECRET_KEY", "short", "FKS_ZMQ_SECRET_KEY must be a CURVE secret key"),
    ],
)
def test_a_wrong_value_is_refused_by_name(
    tmp_path: Path, name: str, value: str, complaint: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        read(tmp_path, **{name: value})
    assert complaint in str(refusal.value)


@pytest.mark.parametrize("name", ["FKS_HTP_PORT", "FKS_HTTPPORT", "FKS_DATADIR", "FKS_SHARD"])
def test_a_misspelt_name_is_not_ignored(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} is not a setting; did you mean FKS_"):
        read(tmp_path, **{name: "1"})


def test_names_that_are_not_ours_to_judge_are_left_alone(tmp_path: Path) -> None:
    read(tmp_path, FKS_TEST_FOLDER="/x", FKSX_HTTP_PORT="y", PATH="z")


def test_every_wrong_value_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refusal:
        read(tmp_path, FKS_HTTP_PORT="x", FKS_SHARDS="0")
    assert "FKS_HTTP_PORT" in str(refusal.value)
    assert "FKS_SHARDS" in str(refusal.value)


def test_what_follows_from_a_wrong_value_is_not_reported_too() -> None:
    with pytest.raises(ConfigError) as refusal:
        read_config({"FKS_ENV": "live", "FKS_DATA_DIR": "/nowhere", **without_env(PRODUCTION)})
    assert str(refusal.value).count("FKS_") == 1


def without_env(environ: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name != "FKS_ENV"}


def test_production_demands_secrets_and_never_generates_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refusal:
        read(tmp_path, FKS_ENV="production")
    assert "FKS_SECRET_KEY must be set in production" in str(refusal.value)
    assert "FKS_KEY_PEPPERS must be set in production" in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_production_turns_keyless_terminals_away(tmp_path: Path) -> None:
    assert not read(tmp_path, **PRODUCTION).plain_loopback
    with pytest.raises(ConfigError, match="FKS_PLAIN_LOOPBACK can't be on in production"):
        read(tmp_path, **PRODUCTION, FKS_PLAIN_LOOPBACK="yes")


def test_production_uses_no_development_certificate(tmp_path: Path) -> None:
    config = read(tmp_path, **PRODUCTION)
    assert (config.tls_certificate, config.tls_key, config.tls_client_ca) == (None, None, None)
    with pytest.raises(ConfigError, match="FKS_TLS_CERTIFICATE and FKS_TLS_KEY belong together"):
        read(tmp_path, **PRODUCTION, FKS_TLS_CERTIFICATE="/x.pem")


def test_zeromq_goes_without_curve_only_on_loopback_and_never_in_production(tmp_path: Path) -> None:
    assert read(tmp_path, FKS_ZMQ_PLAIN="on").zmq_plain
    with pytest.raises(ConfigError, match="FKS_ZMQ_PLAIN needs FKS_ZMQ_HOST to be a loopback"):
        read(tmp_path, FKS_ZMQ_PLAIN="on", FKS_ZMQ_HOST="10.0.0.1")
    with pytest.raises(ConfigError, match="FKS_ZMQ_PLAIN can't be on in production"):
        read(tmp_path, **PRODUCTION, FKS_ZMQ_PLAIN="on")


def test_the_curve_key_is_made_once_when_it_is_needed(tmp_path: Path) -> None:
    config = read(tmp_path)
    assert not (tmp_path / "secrets" / "zmq_secret_key").exists()
    assert config.curve_secret_key == read(tmp_path).curve_secret_key
    given = config.curve_secret_key
    assert read(tmp_path / "b", FKS_ZMQ_SECRET_KEY=given).curve_secret_key == given


def test_generated_secrets_are_kept_private_and_differ_between_bridges(tmp_path: Path) -> None:
    first, again, other = read(tmp_path / "a"), read(tmp_path / "a"), read(tmp_path / "b")
    assert first.secret_key == again.secret_key != other.secret_key
    assert first.key_peppers == again.key_peppers != other.key_peppers
    files = list((tmp_path / "a" / "secrets").iterdir())
    assert sorted(file.name for file in files) == ["key_pepper", "secret_key"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_processes_that_start_together_agree_on_the_secret(tmp_path: Path) -> None:
    source = "import sys; from fksbridge.secrets_store import remembered; from pathlib import Path;"
    source += "print(remembered(Path(sys.argv[1]), 'secret_key'))"
    command = [sys.executable, "-c", source, str(tmp_path)]
    asking = [subprocess.Popen(command, stdout=subprocess.PIPE, cwd=PROJECT) for _ in range(4)]
    assert len({process.communicate()[0] for process in asking}) == 1


def test_peppers_are_numbered(tmp_path: Path) -> None:
    config = read(tmp_path, FKS_KEY_PEPPERS=f"1:{SECRET}, 3:{SECRET[::-1]}x")
    assert config.key_peppers == {1: SECRET, 3: f"{SECRET}x"}


def test_external_services_are_not_taken_for_embedded_ones(tmp_path: Path) -> None:
    config = read(tmp_path, DATABASE_URL="postgresql://db/fks", REDIS_URL="redis://cache/1")
    assert not config.embedded_postgres
    assert not config.embedded_redis


def test_a_long_data_folder_keeps_its_sockets_where_their_paths_fit(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    assert len(str(places.redis_socket(deep))) < 107
    assert places.sockets(deep) == places.sockets(deep)
    assert places.sockets(deep) != places.sockets(tmp_path / ("e" * 120))


def test_django_gets_the_address_with_its_options() -> None:
    database = django_database("postgresql://ann:s%40fe@db:6432/fks?sslmode=require")
    assert (database["USER"], database["PASSWORD"]) == ("ann", "s@fe")
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("db", "6432", "fks")
    assert database["OPTIONS"] == {"sslmode": "require"}


def test_celery_gets_a_socket_as_kombu_writes_it() -> None:
    assert celery_broker("unix:///run/r.sock?db=3") == "redis+socket:///run/r.sock?virtual_host=3"
    assert celery_broker("redis://cache:6379/1") == "redis://cache:6379/1"


def test_the_configuration_page_is_what_the_code_says(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("configuration", markdown=True)
    assert (PROJECT / "docs" / "configuration.md").read_text("utf-8") == capsys.readouterr().out


def test_the_values_in_force_are_shown_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("configuration")
    shown = capsys.readouterr().out
    assert "FKS_TCP_PORT=8888\n" in shown
    assert "FKS_SECRET_KEY=(secret)\n" in shown
    assert "FKS_ALLOWED_HOSTS=localhost,127.0.0.1,[::1]\n" in shown


def test_manage_says_in_one_sentence_what_is_wrong_with_the_environment(tmp_path: Path) -> None:
    environ = os.environ | {"FKS_DATA_DIR": str(tmp_path), "FKS_SHARDS": "none"}
    environ["DJANGO_SETTINGS_MODULE"] = "fksbridge.settings"
    command = [sys.executable, str(PROJECT / "manage.py"), "configuration"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "The bridge can't start with these settings: "
        "FKS_SHARDS must be a whole number, not 'none'.\n"
    )
