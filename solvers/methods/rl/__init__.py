"""Reinforcement learning through stable-baselines3.

- `ppo`: the solver.
- `vec_env`: the batched co-design environment as stable-baselines3's VecEnv; `return_scale`: standardized returns.
"""
