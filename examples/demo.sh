#!/bin/sh
# Two comparisons with known answers: v1 beside its own re-export, and beside v2, which does a fifth more work.
# Exits 0 only when perfgate gives both answers.
set -u
models=.cache/models/ranking
wrong=0

compare() { # CANDIDATE, REPORT, EXIT CODE, WHAT TO EXPECT
    printf '\n== v1 beside %s: %s (exit %s)\n' "$1" "$4" "$3"
    perfgate compare "$models/v1" "$models/$1" --scenario ranking --out "reports/$2"
    code=$?
    [ "$code" -eq 130 ] && exit 130 # interrupted
    if [ "$code" -eq "$3" ]; then
        echo "== as expected: exit $code"
    else
        echo "== NOT as expected: exit $code instead of $3"
        wrong=1
    fi
}

compare v1-again demo-equal 0 'the same model, expect PASS'
compare v2 demo-slower 3 'about 20 % slower, expect FAIL'

printf '\nreports: reports/demo-equal/report.html\n         reports/demo-slower/report.html\n'
exit "$wrong"
