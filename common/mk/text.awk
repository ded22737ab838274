# <place>/<file>.csv -> its text as one C string literal, for
#     static const char norms_csv[] =
#     #include "gen/<place>/<file>.csv.inc"
#         ;
{
    gsub(/\\/, "\\\\")
    gsub(/"/, "\\\"")
    printf "\"%s\\n\"\n", $0
}
