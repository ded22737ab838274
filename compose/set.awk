# Adds or replaces values of a configuration file (four spaces a level, two levels):
#     awk -v rows='bus/bind=tcp://10.73.2.0/24:8100\nhttp/behind_tls_proxy=true' -f compose/set.awk FILE
function section(name,   i) {
    for (i = 1; i <= count; i++)
        if (where[i] == name && !done[i]) {
            printf "    %s = \"%s\"\n", key[i], value[i]
            done[i] = 1
        }
}
BEGIN {
    count = split(rows, row, "\n")
    for (i = 1; i <= count; i++) {
        at = index(row[i], "=")
        value[i] = substr(row[i], at + 1)
        split(substr(row[i], 1, at - 1), part, "/")
        where[i] = part[1]
        key[i] = part[2]
    }
}
/^[a-z]/ { inside = $1 }
/^    [a-z]/ {
    for (i = 1; i <= count; i++)
        if (where[i] == inside && key[i] == $1) next
}
{ print }
/^[a-z_]+[ ]*$/ { section($1) }
END {
    for (i = 1; i <= count; i++)
        if (!done[i]) {
            print where[i]
            section(where[i])
        }
}
