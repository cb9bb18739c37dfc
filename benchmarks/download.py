"""Downloading report files and nothing else: what no program that fetches them can be faster than.

A program of its own: `python -m benchmarks.download API_URL IN_FLIGHT QUESTIONS` asks for the links of each path and
day in the file of questions, a JSON array of pairs, and writes the files to the current folder. It knows nothing of the
project.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable
from pathlib import Path

import httpx


async def download(api_url: str, in_flight: int, questions: Iterable[tuple[str, str]]) -> None:
    """Ask every question, with as many requests under way as given."""
    limits = httpx.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
    headers = {"Authorization": "Bearer benchmark", "X-GitHub-Api-Version": "2026-03-10"}
    numbered = enumerate(questions)
    async with (
        httpx.AsyncClient(base_url=api_url, headers=headers, limits=limits, timeout=60) as api,
        httpx.AsyncClient(limits=limits, timeout=60) as storage,
    ):

        async def work() -> None:
            for number, (path, day) in numbered:
                answer = await api.get(path, params={"day": day})
                if answer.status_code != 200:
                    continue
                for part, link in enumerate(answer.json()["download_links"]):
                    async with storage.stream("GET", link) as file:
                        here = Path(f"{number}-{part}.json")
                        here.write_bytes(b"".join([chunk async for chunk in file.aiter_bytes()]))  # noqa: ASYNC240 - a few kB

        async with asyncio.TaskGroup() as workers:
            for _ in range(in_flight):
                workers.create_task(work())


def _main() -> None:
    api_url, in_flight, questions = sys.argv[1:]
    asyncio.run(download(api_url, int(in_flight), json.loads(Path(questions).read_text())))


if __name__ == "__main__":
    _main()
