#!/bin/sh
# An agent in POSIX shell and awk: random designs, one at a time.
#
# Compare it:  dance compare tiny --budget 50 --solver random "cmd:sh examples/agents/random.sh"

read -r task
# The task card without nested brackets in its lists of options: count the entries of each.
counts=$(printf '%s\n' "$task" | grep -o '"options": \[[^]]*\]' | awk -F, '{ print NF }')
seed=$(printf '%s\n' "$task" | sed 's/.*"seed": \([0-9]*\).*/\1/')
# A generator of our own (Lehmer's, modulo 2^31 - 1): awk's differs from one awk to the next.
state=$((seed % 2147483646 + 1))
while :; do
    design=""
    for count in $counts; do
        state=$((state * 48271 % 2147483647))
        design="$design${design:+, }$((state % count))"
    done
    printf '{"type": "evaluate", "designs": [[%s]]}\n' "$design"
    read -r answer || exit 0
    case $answer in
        *'"type": "evaluations"'*'"left": 0}') exit 0 ;;
        *'"type": "evaluations"'*) ;;
        *) printf '%s\n' "$answer" >&2; exit 1 ;;
    esac
done
