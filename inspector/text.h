/* The program's own code and constants in huge pages of its own. Inside the inspector only. */
#pragma once

/** Copies every part of this program that is never written into huge pages and lets them take its
 *  place, with the same protection. What is mapped from a file is looked up anew, page by page, by
 *  every process that is forked; what is a few huge pages is inherited whole. Whatever the kernel
 *  refuses (no huge page, an address that is not aligned) stays as it is: it is only slower. */
void text_settle(void);
