from __future__ import annotations

import pytest
import redis
from django.contrib.auth.models import User


@pytest.mark.django_db
def test_the_database_of_the_run_answers() -> None:
    User.objects.create_user("alice")
    assert User.objects.count() == 1


def test_the_redis_of_the_run_answers(redis_client: redis.Redis) -> None:
    redis_client.set("a", 1)
    assert redis_client.get("a") == b"1"
