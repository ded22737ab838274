# proto/error.proto -> rows of the error registry (common/err.c). A code without `en` or `vi` is an error.
/^ *\/\/ en: / { sub(/^ *\/\/ en: /, ""); en = $0; next }
/^ *\/\/ vi: / { sub(/^ *\/\/ vi: /, ""); vi = $0; next }
/^ *[A-Z][A-Z0-9_]* = [0-9]+;/ {
    if (en == "" || vi == "") {
        printf "%s:%d: %s needs its texts `en` and `vi`\n", FILENAME, FNR, $1 > "/dev/stderr"
        exit 1
    }
    gsub(/"/, "\\\"", en); gsub(/"/, "\\\"", vi)
    printf "{TRIEN__ERROR__%s, \"%s\", \"%s\", \"%s\"},\n", $1, tolower($1), en, vi
    en = vi = ""
}
