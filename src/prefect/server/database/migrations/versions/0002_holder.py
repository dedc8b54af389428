"""Which process runs a flow run.

Revision: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from prefect.server.database import types

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column; runs that are under way have no holder, as those of clients that do not say who they are."""
    op.add_column("flow_run", sa.Column("holder", types.Text(), nullable=True))
