"""Reinforcement learning through stable-baselines3.

vec_env: the batched co-design env as stable-baselines3's VecEnv; ppo: the solver.
"""
