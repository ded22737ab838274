/* The bytes libqpdf reads. A signature is one hexadecimal string of thousands of digits, which its
 * tokenizer would look at one by one; nobody here needs them (they were verified outside). They are
 * left out of tokens only: a stream that lies across them is read as it stands in the file. */
#include "inspector/pdf_revision.hpp"

#include <algorithm>
#include <qpdf/Buffer.hh>
#include <qpdf/BufferInputSource.hh>

namespace trien
{

class Input : public BufferInputSource
{
  public:
    Input(struct bytes file, size_t size, Gaps const &left_out)
        : BufferInputSource("document", new Buffer(const_cast<unsigned char *>(file.p), size),
                            true),
          gaps(left_out)
    {
    }

    size_t read(char *room, size_t length) override
    {
        return BufferInputSource::read(room, is_for_tokens(room) ? before_gap(length) : length);
    }

  private:
    /* The tokenizer's own buffer is a part of this object (InputSource::fastRead). */
    bool is_for_tokens(char const *room) const
    {
        auto const *self = reinterpret_cast<char const *>(this);

        return room >= self && room < self + sizeof(*this);
    }

    /* Moves behind the gap that begins here; what may then be read up to the next one. */
    size_t before_gap(size_t length)
    {
        auto at = static_cast<size_t>(tell());
        auto gap = std::find_if(gaps.begin(), gaps.end(),
                                [&](pdf_scan_long const &each) { return each.end > at; });

        if (gap != gaps.end() && gap->start <= at) {
            at = gap->end;
            seek(static_cast<qpdf_offset_t>(at), SEEK_SET);
            gap++;
        }
        return gap == gaps.end() ? length : std::min(length, gap->start - at);
    }

    Gaps const gaps;
};

std::shared_ptr<InputSource> make_input(struct bytes file, size_t size, Gaps const &gaps)
{
    return std::make_shared<Input>(file, size, gaps);
}

} // namespace trien
