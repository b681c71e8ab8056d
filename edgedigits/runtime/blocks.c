/* Called by the emulator whenever it enters a block of code: counts how often it enters which. */
#include <stdint.h>

typedef struct {
    uint64_t entered;
    uint32_t address;
    uint32_t size;
} block;

typedef struct {
    block *blocks; /* a place for each, by its address, or the next free one */
    uint32_t last; /* a power of two, less 1 */
} table;

void enter(void *emulator, uint64_t address, uint32_t size, void *known)
{
    const table *all = known;
    uint32_t at = (uint32_t)(address >> 1) & all->last; /* code lies at even addresses */
    (void)emulator;
    while (all->blocks[at].entered && (all->blocks[at].address != address || all->blocks[at].size != size)) {
        at = (at + 1) & all->last;
    }
    all->blocks[at].address = (uint32_t)address;
    all->blocks[at].size = size;
    ++all->blocks[at].entered;
}
