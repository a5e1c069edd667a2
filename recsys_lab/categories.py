"""Categories for a shop that has none: a keyword rule over item names.

The real purchases name their items ("JUMBO BAG RED RETROSPOT") but do not sort them. English product names
carry the kind of thing as a noun, so a short list of nouns for each category sorts nearly all of them.
The first category with a matching word wins: seasons and phrases stand above single nouns, vague words
(heart, star, rose) below all else. The lists were written by reading the names, most sold first; the rule is
the lab's own, is wrong now and then, and is no part of the original data.
"""

from __future__ import annotations

import re

OTHER = "other"

# A word also matches its plural. Commas part the words; each may be a regular expression.
_WORDS = {
    "christmas": """
        christmas, xmas, advent, santa, reindeer, nativity, snowman, snowmen, snowflake, snowy, bauble,
        mistletoe, holly, cracker, stocking, sleigh, jingle, wreath, angel, rudolph, tinsel, icicle
    """,
    "garden": """
        garden(?!ia), gardener, watering can, planter, plant, herb marker, birdhouse, bird house, bird
        table, birdcage, kneeling, trowel, grow, hammock, thermometer, secateur, flowerpot, gnome,
        wheelbarrow, twine, parasol (?:natural|black|red|pink)
    """,
    "clocks": "clock",
    "warmers": "hot water bottle, hand warmer, hottie, ear muff, slipper",
    "signs and frames": """
        sign, doorsign, wall art, picture, frame, photoframe, photo, building block, block word, block
        letter, mirror, plaque, poster, memo ?board, door hanger, number tile, card holder, chalkboard,
        black ?board, record cover
    """,
    "candles and lights": """
        t-light, tealight, tea light, candle, candleholder, candlestick, candlepot, chocolatecandle,
        lantern, light(?! (?:pink|blue)), lamp, lampshade, led, incense, votive, candelabra, chandelier,
        torch, disco ball, oil burner, match
    """,
    "cards and wrapping": """
        (?<!snap )card(?!s keep| game|s jubilee| ?board| wallet), wrap, ribbon, tag, envelope, postcard,
        bow, gift box
    """,
    "baking": """
        cake case, baking, cutter, mould, cakestand, cake stand, cake tin, cake slice, rolling pin,
        recipe, whisk, spatula, petit four, jam making, pastry, kitchen scale, measuring (?:jug|spoon),
        lolly maker
    """,
    "party": """
        bunting, napkin, doilies, party, balloon, garland, paper chain, streamer, confetti, paper plate,
        paper cup, straw, cocktail, honeycomb, popcorn, pennant, flag(?=s assorted| of), tattoo, tiara,
        fan
    """,
    "toys and games": """
        toy, doll, game, puzzle, jigsaw, domino, skittle, skipping rope, spinning top, snap, bingo, ludo,
        harmonica, marble, playhouse, playing card, kite, glider, block, windmill, modelling, snakes,
        naughts, rounder, croquet, bucket, spade, water bomb, puppet, racing, money bank, piggy bank,
        rocking horse, teddy, helicopter, bubble, flying disc, heads and tails, space (?:cadet|owl|frog),
        baby gift, creep(?:y|ies)
    """,
    "crafts and sewing": """
        feltcraft, felt craft, craft, sewing, knitting, stencil, sticker, stamp, paint set, paint your,
        crayon, colouring, chalk, kit, button, patch, decoupage, scissor, felt (?:farm|toadstool)
    """,
    "home and bath": """
        cushion, squarecushion, doormat, mat, rug, throw, curtain, blanket, quilt, doorstop, stool,
        pouffe, bath, bathroom, flannel, soap, shower, tissue, toilet roll, plasters in tin, filler pad,
        sponge, ironing
    """,
    "stationery": """
        pen, pencil, notebook, note ?book, pad, ruler, eraser, rubber, book, sketchbook, calendar, diary,
        stationery, writing set, journal, magnet, magnetic, sharpener, notepad, clip, tape, album, drawing
        slate, folder, organiser, calculator, p'weight, paperweight
    """,
    "bags and travel": """
        (?<!tea )bag, washbag, shopper, backpack, handbag, purse, wallet, sack, umbrella, parasol,
        passport cover, vippassport cover, rain (?:hat|poncho|mac), poncho
    """,
    "kitchen and table": """
        mug, cup, teacup, saucer, plate, bowl, fruitbowl, teapot, jug, cutlery, glass, beaker, tray,
        coaster, placemat, towel, apron, oven, jam, dish, spoon, pot, tumbler, bottle, jar, bread bin,
        colander, tea, coffee, dispenser, kitchen, salt, biscuit, strainer, frying, decanter, goblet,
        ladle, pan, flask, opener, corkscrew, breakfast, washing up, food container, food cover, egg,
        cooking, chopping board, corer, toastrack, chopsticks, cake fork, platter, squeezer, tongs,
        tablecloth, scrubbing brush, toast its, cake
    """,
    "storage": """
        box, tin, basket, hamper, drawer, knob, drawerknob, cabinet, hook, hanger, rack, shelf, chest,
        container, crate, storage, tidy, case, holder, key, bin, coathanger, peg, stand
    """,
    "jewellery": """
        necklace, necklac, neckl, bracelet, bracle?t, earring, ring, brooch, hair, hairclip, hairslide,
        hairband, lip gloss, bangle, lariat, keyring, phone charm, badge, scarf, sunglasses
    """,
    "decorations": """
        decoration, dec, ornament, heart, star, hanging, wicker, flower, butterfly, bird, easter, bell,
        feather, rose, tree, chime, windchime, mobile, flying duck, pear, toadstool, mushroom, shell,
        trellis
    """,
}

CATEGORIES = (*_WORDS, OTHER)
"""Every category there is, in the order in which the rule asks for them."""

_RULES = tuple(
    (category, re.compile(rf"(?<![a-z])(?:{'|'.join(' '.join(words.split()).split(', '))})(?:s|es)?(?![a-z])"))
    for category, words in _WORDS.items()
)


def category_of(description: str) -> str:
    """The category of an item by its name; `OTHER` when no word of any category is in it."""
    name = " ".join(description.lower().split())
    return next((category for category, words in _RULES if words.search(name)), OTHER)
