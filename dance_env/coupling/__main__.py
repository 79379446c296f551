"""`python -m dance_env.coupling`."""

from dance_env.coupling.command import main

raise SystemExit(main())
