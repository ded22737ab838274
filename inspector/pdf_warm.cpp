/* A document with everything in it that a real one has, examined once in the zygote: a forked child
 * then finds libqpdf's tables, the allocator, locales and bindings warm. */
#include "common/pdf_child.h"

#include <cstdio>
#include <map>
#include <string>

namespace
{

struct Writer {
    std::string out = "%PDF-1.7\n";
    std::map<int, size_t> offsets;
    std::string previous;

    void put(int number, std::string const &body)
    {
        offsets[number] = out.size();
        out += std::to_string(number) + " 0 obj\n" + body + "\nendobj\n";
    }

    static std::string stream(std::string const &entries, std::string const &content)
    {
        return "<< /Length " + std::to_string(content.size()) + entries + " >>\nstream\n" +
               content + "\nendstream";
    }

    void end_revision()
    {
        size_t start = out.size();
        char row[32];

        out += "xref\n";
        for (auto const &place : offsets) {
            snprintf(row, sizeof(row), "%010zu 00000 n \n", place.second);
            out += std::to_string(place.first) + " 1\n" + row;
        }
        out += "trailer\n<< /Size 40 /Root 1 0 R" + previous + " >>\nstartxref\n" +
               std::to_string(start) + "\n%%EOF\n";
        previous = " /Prev " + std::to_string(start);
        offsets.clear();
    }

    /* A field and a signature whose ByteRange is right; nobody verifies its Contents here. */
    void sign(int number, std::string const &fields)
    {
        static const std::string key = "/Contents <", room(30, ' ');
        size_t range, gap, gap_end;
        std::string numbers;

        put(6, "<< /Fields [" + fields + "] /SigFlags 3 >>");
        put(3, "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Annots [" + fields + "] >>");
        put(number, "<< /Type /Annot /Subtype /Widget /FT /Sig /T (S" + std::to_string(number) +
                        ") /V " + std::to_string(number + 1) + " 0 R >>");
        put(number + 1, "<< /Type /Sig /SubFilter /ETSI.CAdES.detached /ByteRange [" + room + "] " +
                            key + "3000> >>");
        range = out.rfind('[') + 1;
        gap = out.rfind(key) + key.size() - 1;
        gap_end = gap + 6;
        end_revision();
        numbers = "0 " + std::to_string(gap) + " " + std::to_string(gap_end) + " " +
                  std::to_string(out.size() - gap_end);
        out.replace(range, numbers.size(), numbers);
    }
};

std::string make_document()
{
    /* zlib's form of "{}" in hexadecimal */
    static const std::string packed = "789cabae0500017500f9>";
    Writer w;

    w.put(1, "<< /Type /Catalog /Pages 2 0 R /AcroForm 6 0 R /Names << /EmbeddedFiles << /Names "
             "[(request.json) "
             "8 0 R] >> >> >>");
    w.put(2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>");
    w.put(4, Writer::stream("", "BT ET"));
    w.put(8, "<< /Type /Filespec /F (request.json) /EF << /F 9 0 R >> >>");
    w.put(9, Writer::stream(" /Type /EmbeddedFile /Filter [/ASCIIHexDecode /FlateDecode]", packed));
    w.sign(20, "20 0 R");
    w.sign(22, "20 0 R 22 0 R");
    return w.out;
}

} // namespace

bool pdf_child_warm_up(void)
{
    std::string document = make_document();
    bool sound = true;

    for (int i = 0; i < 3; i++) {
        struct bytes answer = pdf_child_job(bytes_of(document.data(), document.size()));
        auto *said = reinterpret_cast<pdf_child_answer const *>(answer.p);

        sound = sound && said && said->findings == 0 && said->signature_count == 2 &&
                said->request_size == 2;
    }
    pdf_child_forget(); /* so that no child has to clear this away */
    return sound;
}
