"""`python -m dance_env.analysis.coupling`."""

from dance_env.analysis.coupling.command import main

raise SystemExit(main())
