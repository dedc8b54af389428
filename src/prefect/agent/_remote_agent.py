"""What agents share whose jobs live outside of their process: see `prefect.agent._remote_jobs`."""

from __future__ import annotations

from collections.abc import Iterable

from prefect.agent._remote_jobs import InfrastructureAwayError, RemoteJob, RemoteJobs, Sighting
from prefect.agent._supervisor import Watched
from prefect.agent.agent import Agent

__all__ = ["RemoteAgent"]


class RemoteAgent(Agent):
    """An agent that finds its jobs again when it starts. A subclass sets `_jobs` when it is made."""

    _supervises = True
    _jobs: RemoteJobs

    def on_startup(self) -> None:
        """Know whose jobs to look for: the API has given the agent its id."""
        self._jobs.infrastructure.agent_id = self._agent_id

    def _before_round(self) -> None:
        self._jobs.look()

    def _find_again(self) -> Iterable[Watched]:
        try:
            found = self._jobs.found_again()
        except InfrastructureAwayError as exc:
            self.logger.warning("The %ss of earlier agents were not looked for: %s", self._what, exc)
            return
        for sighting in found:
            self._found(sighting)
            yield Watched(sighting.run_id, sighting.epoch, RemoteJob(self._jobs, sighting))

    def _found(self, sighting: Sighting) -> None:
        """A job of an earlier agent is this one's from now on."""
