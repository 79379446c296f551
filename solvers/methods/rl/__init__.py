"""Reinforcement learning through stable-baselines3, and REINFORCE.

- `ppo`, `a2c`, `dqn`; `maskable` (sb3-contrib, extra "rl"); `learn`: what they have in common.
- `reinforce`: a controller of our own.
- `grouped_actions`: the policy's distribution over many choices, computed for all choices of equal size at once.
- `vec_env`: the batched co-design environment as stable-baselines3's VecEnv; `return_scale`: standardized returns.
"""
